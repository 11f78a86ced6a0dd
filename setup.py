"""The packages of the wheel, which setup.cfg cannot list: it finds packages, or maps folders, not both.

migrations/ stays at the top of the tree, where people who know alembic look for it. In the wheel it is
`mpesa_service.migrations`, so that `mpesa migrate` needs nothing but the wheel. wsgi.py and
gunicorn.conf.py are not mapped: they import their contents from the package.
"""

from setuptools import find_packages, setup

MIGRATIONS = "mpesa_service.migrations"

setup(
    packages=[*find_packages(include=["mpesa_service*"]), MIGRATIONS, f"{MIGRATIONS}.versions"],
    package_dir={MIGRATIONS: "migrations"},
)

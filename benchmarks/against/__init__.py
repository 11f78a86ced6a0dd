"""Compares the service in this tree with an older commit of it: `python -m benchmarks --against REV`.

Both builds run side by side and are measured alternately. The comparison uses only what stays the same
between builds: environment variables, `wsgi:app`, `gunicorn.conf.py`, `alembic upgrade head`, HTTP, and
Daraja's messages.
"""

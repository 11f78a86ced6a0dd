"""A web process loads nothing that it never uses: jobs, migrations, terminals, commands."""

import json
import os
import subprocess
import sys

from tests.support import environment

UNUSED = {"alembic", "celery", "gunicorn", "kombu", "mako", "pygments", "rich"}
SMALL = {"mpesa_service.cli", "mpesa_service.cli.lazy", "mpesa_service.cli.root"}
"""The table of commands, for `flask --app wsgi mpesa`."""
PROGRAM = """
import json, sys
from mpesa_service.wsgi import app
answers = [app.test_client().get(path).status_code for path in ("/healthz", "/readyz", "/api/openapi.json")]
print(json.dumps({"answers": answers, "modules": sorted(sys.modules)}))
"""


def test_a_web_process_loads_no_library_that_it_does_not_use(database_url: str) -> None:
    environ = {**os.environ, **environment(DATABASE_URL=database_url)}
    command = [sys.executable, "-c", PROGRAM]
    output = subprocess.run(command, env=environ, check=True, capture_output=True, text=True).stdout
    found = json.loads(output)
    assert found["answers"] == [200, 200, 200]
    modules = set(found["modules"])
    assert {name.partition(".")[0] for name in modules} & UNUSED == set()
    assert {name for name in modules if name.startswith(("mpesa_service.cli", "mpesa_service.jobs"))} == SMALL

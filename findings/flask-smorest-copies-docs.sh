#!/usr/bin/env bash
# Guess: A decorator such as `Blueprint.doc` adds its own documentation, so k decorators cost k steps.
# So: flask-smorest 0.47.0 copies everything that is there already, twice in each `doc`: 10 decorators make
#   90 copies, 40 make 1,560.
# Bites: Documentation that a service adds in small decorators costs its start time in squares, in each
#   worker and each command.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'flask-smorest==0.47.0' 'flask==3.1.3' 'marshmallow==4.4.0' 'apispec==6.10.1' 'webargs==8.7.1'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

from flask_smorest import Blueprint

class Note:
    copies = 0
    def __deepcopy__(self, memo):
        Note.copies += 1
        return self

seen = {}
for decorators in (5, 10, 20, 40):
    Note.copies = 0
    blueprint = Blueprint(f"payments{decorators}", __name__)
    def view():
        pass
    for number in range(decorators):
        view = blueprint.doc(**{f"x-note-{number}": Note()})(view)
    seen[decorators] = Note.copies
    print(f"{decorators} decorators: {Note.copies} copies")
holds = all(copies == decorators * (decorators - 1) for decorators, copies in seen.items())
if not holds:
    sys.exit("This has changed: the number of copies is no longer k * (k - 1).")
PYTHON

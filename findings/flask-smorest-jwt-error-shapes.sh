#!/usr/bin/env bash
# Guess: In a flask-smorest API every error has the shape that its OpenAPI document shows: `code`, `status`,
#   `message`.
# So: With flask-jwt-extended 4.7.4 a missing token is {"msg": ...}, and an unreadable one is 422, which
#   flask-smorest 0.47.0 uses for wrong fields.
# Bites: A client that handles errors by the document reads no `code` from the first, and takes the second
#   for a mistake in its order.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'flask-smorest==0.47.0' 'flask==3.1.3' 'flask-jwt-extended==4.7.4' 'pyjwt==2.15.1' 'marshmallow==4.4.0' 'apispec==6.10.1' 'webargs==8.7.1'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

from flask import Flask
from flask_jwt_extended import JWTManager, jwt_required
from flask_smorest import Api, Blueprint

app = Flask(__name__)
app.config.update(API_TITLE="t", API_VERSION="v1", OPENAPI_VERSION="3.1.0", JWT_SECRET_KEY="k" * 32)
JWTManager(app)
blueprint = Blueprint("payments", __name__)

@blueprint.route("/payments")
@jwt_required()
def payments():
    return "[]"

Api(app).register_blueprint(blueprint)
client = app.test_client()
answers = {
    "no route": client.get("/refunds"),
    "no token": client.get("/payments"),
    "unreadable token": client.get("/payments", headers={"Authorization": "Bearer abc"}),
}
for name, answer in answers.items():
    print(f"{name}: {answer.status_code} {answer.json}")
fields = [sorted(answer.json) for answer in answers.values()]
holds = fields == [["code", "status"], ["msg"], ["msg"]] and answers["unreadable token"].status_code == 422
if not holds:
    sys.exit("This has changed: the errors of the two libraries now have one shape.")
PYTHON

#!/usr/bin/env bash
# Guess: A limit per token (`key_func=get_jwt_identity`) works as a default limit and as a decorator.
# So: flask-limiter 4.1.1 checks default limits before the view, so before `jwt_required` of
#   flask-jwt-extended 4.7.4 has run: each request is a 500. The decorator below `jwt_required` counts as
#   expected.
# Bites: Moving the limit from each route into the settings turns every payment request into a server error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'flask-limiter==4.1.1' 'flask==3.1.3' 'flask-jwt-extended==4.7.4' 'pyjwt==2.15.1' 'limits==5.8.0'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import logging
import sys

from flask import Flask
from flask_jwt_extended import JWTManager, create_access_token, get_jwt_identity, jwt_required
from flask_limiter import Limiter

logging.disable()

def statuses(**options):
    app = Flask(__name__)
    app.config["JWT_SECRET_KEY"] = "k" * 32
    JWTManager(app)
    limiter = Limiter(get_jwt_identity, app=app, storage_uri="memory://", **options)
    def view():
        return "ok"
    if not options:
        view = limiter.limit("2/hour")(view)
    app.get("/payments")(jwt_required()(view))
    with app.app_context():
        headers = {"Authorization": f"Bearer {create_access_token('client-7')}"}
    return [app.test_client().get("/payments", headers=headers).status_code for _ in range(3)]

decorated, default = statuses(), statuses(default_limits=["2/hour"])
print("limit as a decorator:", decorated)
print("limit as a default:  ", default)
holds = decorated == [200, 200, 429] and default == [500, 500, 500]
if not holds:
    sys.exit("This has changed: the default limit now runs after the token was verified.")
PYTHON

"""Unbound objects that an application binds when it is made. Imports nothing of ours."""

from flask_jwt_extended import JWTManager

jwt = JWTManager()

"""Who is calling: turns a bearer token into a principal, with the one algorithm that is configured."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import Flask, current_app, g
from flask_jwt_extended import create_access_token, get_jwt, verify_jwt_in_request
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt.exceptions import PyJWTError

from mpesa_service.config import Settings
from mpesa_service.domain.principal import Principal
from mpesa_service.errors import Forbidden, Unauthenticated
from mpesa_service.extensions import jwt

LEEWAY = timedelta(seconds=10)
_ROLES_CLAIM = "JWT_ROLES_CLAIM"
MAX_SUBJECT_LENGTH = 255


def init_app(app: Flask, settings: Settings) -> None:
    """Pin the algorithm, and issuer and audience where they are set."""
    app.config.update(
        JWT_ALGORITHM=settings.jwt_algorithm,
        JWT_DECODE_ALGORITHMS=[settings.jwt_algorithm],
        JWT_SECRET_KEY=settings.jwt_secret_key,
        JWT_PUBLIC_KEY=settings.jwt_public_key,
        JWT_DECODE_ISSUER=settings.jwt_issuer,
        JWT_ENCODE_ISSUER=settings.jwt_issuer,
        JWT_DECODE_AUDIENCE=settings.jwt_audience,
        JWT_ENCODE_AUDIENCE=settings.jwt_audience,
        JWT_DECODE_LEEWAY=LEEWAY,
        JWT_TOKEN_LOCATION=["headers"],
    )
    app.config[_ROLES_CLAIM] = settings.jwt_roles_claim
    jwt.init_app(app)


def current_principal() -> Principal:
    """Return who is calling; raise Unauthenticated. The token is verified once a request."""
    if "principal" not in g:
        g.principal = _verify()
    principal: Principal = g.principal
    return principal


def require_admin() -> Principal:
    """Return the caller if it is an admin; raise Unauthenticated or Forbidden."""
    principal = current_principal()
    if not principal.is_admin:
        raise Forbidden
    return principal


def make_token(app: Flask, subject: str, roles: list[str], lifetime: timedelta) -> str:
    """Return a signed token, for local use; needs the HS256 secret."""
    claims = {app.config[_ROLES_CLAIM]: roles}
    with app.app_context():
        token: str = create_access_token(subject, additional_claims=claims, expires_delta=lifetime)
        return token


def _verify() -> Principal:
    try:
        verify_jwt_in_request()
    except (JWTExtendedException, PyJWTError, ValueError, LookupError) as error:
        # LookupError: flask-jwt-extended 4.7 takes the first word of each part of "Authorization: , ,".
        raise Unauthenticated from error
    return _principal(get_jwt())


def _principal(claims: Mapping[str, Any]) -> Principal:
    subject = claims.get("sub")
    if (
        not isinstance(subject, str)
        or not 0 < len(subject) <= MAX_SUBJECT_LENGTH
        or not subject.isprintable()
    ):
        raise Unauthenticated("The token names no subject.")
    if "exp" not in claims:
        raise Unauthenticated("The token never expires; tokens must.")
    roles = claims.get(current_app.config[_ROLES_CLAIM], [])
    words = [roles] if isinstance(roles, str) else roles if isinstance(roles, list) else []
    return Principal(subject, frozenset(word for word in words if isinstance(word, str)))

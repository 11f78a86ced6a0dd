"""Authentication: verifies a bearer token with the configured algorithm, and returns its principal."""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeGuard

from flask import Flask, current_app, g, request
from flask_jwt_extended import create_access_token, get_jwt, verify_jwt_in_request
from flask_jwt_extended.exceptions import JWTDecodeError, JWTExtendedException
from jwt import PyJWTError

from mpesa_service.config import Settings
from mpesa_service.domain.principal import Principal
from mpesa_service.errors import Forbidden, Unauthenticated
from mpesa_service.web.extensions import jwt

LEEWAY = timedelta(seconds=10)
_ROLES_CLAIM = "JWT_ROLES_CLAIM"
_VERIFIED = "mpesa_service.verified_tokens"
REMEMBERED = 1_000
"""Verified tokens that an application remembers until they expire (docs/decisions/0028)."""
MAX_SUBJECT_LENGTH = 255
FAR_FUTURE = 2**62
"""A later expiry, in seconds, does not fit a float."""


def init_app(app: Flask, settings: Settings) -> None:
    """Configure flask-jwt-extended: the algorithm, and the issuer and audience if they are set."""
    app.config.update(
        JWT_TOKEN_LOCATION=["headers"],
        JWT_COOKIE_CSRF_PROTECT=False,
        JWT_ALGORITHM=settings.jwt_algorithm,
        JWT_SECRET_KEY=settings.jwt_secret_key,
        JWT_PUBLIC_KEY=settings.jwt_public_key,
        JWT_DECODE_LEEWAY=LEEWAY,
        JWT_DECODE_ISSUER=settings.jwt_issuer,
        JWT_ENCODE_ISSUER=settings.jwt_issuer,
        JWT_DECODE_AUDIENCE=settings.jwt_audience,
        JWT_ENCODE_AUDIENCE=settings.jwt_audience,
    )
    app.config[_ROLES_CLAIM] = settings.jwt_roles_claim
    app.extensions[_VERIFIED] = {}
    jwt.init_app(app)


def current_principal() -> Principal:
    """Return the caller; raise Unauthenticated. The token is verified once per request."""
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


def makes_tokens(app: Flask) -> bool:
    """Return whether the service has the key that signs tokens. Only HS256 also verifies with that key."""
    return bool(app.config["JWT_ALGORITHM"] == "HS256")


def make_token(app: Flask, subject: str, roles: list[str], lifetime: timedelta) -> str:
    """Return a signed token for local use. It needs the HS256 secret."""
    claims = {app.config[_ROLES_CLAIM]: roles}
    with app.app_context():
        token: str = create_access_token(subject, additional_claims=claims, expires_delta=lifetime)
        return token


def is_subject(text: object) -> TypeGuard[str]:
    """Return whether `text` can be a caller's `sub`: 1 to 255 printable characters, not only blanks."""
    if not isinstance(text, str):
        return False
    return len(text) <= MAX_SUBJECT_LENGTH and text.isprintable() and bool(text.strip())


def _verify() -> Principal:
    """Return the principal of the request's token. A token is verified once until it expires."""
    token = _bearer_token()
    verified: dict[str, tuple[Principal, float]] = current_app.extensions[_VERIFIED]
    principal, valid_until = verified.get(token, (None, 0.0))
    if principal is not None and time.time() < valid_until:
        return principal
    claims = _verified_claims()
    principal = _principal(claims)
    if len(verified) >= REMEMBERED:
        verified.clear()
    verified[token] = principal, min(int(claims["exp"]), FAR_FUTURE) + LEEWAY.total_seconds()
    return principal


def _verified_claims() -> Mapping[str, Any]:
    try:
        verify_jwt_in_request()
    except JWTDecodeError as error:
        raise Unauthenticated("The token has no valid subject (`sub`).") from error
    except (PyJWTError, JWTExtendedException, ValueError) as error:
        raise Unauthenticated from error
    claims: Mapping[str, Any] = get_jwt()
    if claims["type"] != "access":
        raise Unauthenticated
    return claims


def _bearer_token() -> str:
    """Return the token; raise Unauthenticated unless the Authorization header is `Bearer` and one token.

    flask-jwt-extended would also accept a bearer token in a list of credentials.
    """
    scheme, *tokens = request.headers.get("Authorization", "").split() or [""]
    if scheme != "Bearer" or len(tokens) != 1:
        raise Unauthenticated
    return tokens[0]


def _principal(claims: Mapping[str, Any]) -> Principal:
    subject = claims.get("sub")
    if not is_subject(subject):
        raise Unauthenticated("The token has no valid subject (`sub`).")
    if "exp" not in claims:
        raise Unauthenticated("The token has no expiry time (`exp`).")
    roles = claims.get(current_app.config[_ROLES_CLAIM], [])
    words = [roles] if isinstance(roles, str) else roles if isinstance(roles, list) else []
    return Principal(subject, frozenset(word for word in words if isinstance(word, str)))

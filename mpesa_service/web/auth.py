"""Authentication: verifies a bearer token with the configured algorithm, and returns its principal."""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple, TypeGuard

from flask import Flask, current_app, g, request
from flask_jwt_extended import create_access_token, get_jwt, verify_jwt_in_request
from flask_jwt_extended.exceptions import JWTDecodeError, JWTExtendedException
from jwt import PyJWTError, decode

from mpesa_service.config import Settings
from mpesa_service.core.revocations import Revocations
from mpesa_service.domain.principal import Principal
from mpesa_service.errors import Forbidden, Unauthenticated
from mpesa_service.web.extensions import jwt

LEEWAY = timedelta(seconds=10)
_ROLES_CLAIM = "JWT_ROLES_CLAIM"
_VERIFIED = "mpesa_service.verified_tokens"
REMEMBERED = 1_000
"""Verified tokens that an application remembers until they expire (docs/decisions/0028)."""
MAX_SUBJECT_LENGTH = 255
_REVOCATIONS = "mpesa_service.revocations"
_MAX_LIFETIME = "JWT_MAX_LIFETIME"


class _Verified(NamedTuple):
    principal: Principal
    valid_until: float
    token_id: str | None
    issued_at: int | None


def init_app(app: Flask, settings: Settings, revocations: Revocations) -> None:
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
    app.config[_MAX_LIFETIME] = int(settings.jwt_max_lifetime.total_seconds())
    app.extensions[_VERIFIED] = {}
    app.extensions[_REVOCATIONS] = revocations
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


def longest_lifetime(app: Flask) -> timedelta:
    """Return the longest that a token may be valid."""
    return timedelta(seconds=app.config[_MAX_LIFETIME])


def token_id_of(token: str) -> str | None:
    """Return the `jti` of a token, without verifying it; None if it has none or is no token."""
    try:
        found = decode(token, options={"verify_signature": False}).get("jti")
    except PyJWTError:
        return None
    return found if is_subject(found) else None


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
    """Return the principal of the request's token. A token is verified once until it expires.

    Each request checks whether the token is revoked.
    """
    token = _bearer_token()
    remembered: dict[str, _Verified] = current_app.extensions[_VERIFIED]
    verified = remembered.get(token)
    if verified is None or time.time() >= verified.valid_until:
        verified = _newly_verified()
        if len(remembered) >= REMEMBERED:
            remembered.clear()
        remembered[token] = verified
    revocations: Revocations = current_app.extensions[_REVOCATIONS]
    if revocations.refuses(verified.principal.subject, verified.token_id, verified.issued_at):
        raise Unauthenticated("The token is revoked.")
    return verified.principal


def _newly_verified() -> _Verified:
    claims = _verified_claims()
    principal = _principal(claims)
    expires_at = int(claims["exp"])
    issued_at = int(claims["iat"]) if "iat" in claims else None
    # A token without `iat` is judged by the time that it has left.
    begins_at = int(time.time()) if issued_at is None else issued_at
    if expires_at - begins_at > current_app.config[_MAX_LIFETIME]:
        raise Unauthenticated(
            "The token is valid for too long: JWT_MAX_LIFETIME limits the time from `iat` to `exp`."
        )
    token_id = claims.get("jti")
    valid_until = expires_at + LEEWAY.total_seconds()
    return _Verified(principal, valid_until, token_id if isinstance(token_id, str) else None, issued_at)


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

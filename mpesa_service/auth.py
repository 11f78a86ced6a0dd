"""Who is calling: turns a bearer token into a principal, with the one algorithm that is configured."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeGuard

import jwt as pyjwt
from flask import Flask, current_app, g, request
from flask_jwt_extended import create_access_token

from mpesa_service.config import Settings
from mpesa_service.domain.principal import Principal
from mpesa_service.errors import Forbidden, Unauthenticated
from mpesa_service.extensions import jwt

LEEWAY = timedelta(seconds=10)
_ROLES_CLAIM = "JWT_ROLES_CLAIM"
_RULES = "JWT_RULES"
MAX_SUBJECT_LENGTH = 255


@dataclass(frozen=True)
class _Rules:
    """What a token must satisfy."""

    algorithm: str
    key: str = field(repr=False)
    issuer: str | None
    audience: str | None

    def claims(self, token: str) -> dict[str, Any]:
        """Return what a token says; raise ValueError or PyJWTError unless all of it is believed.

        Once, and not through flask-jwt-extended, which decodes a token twice more to look up keys that we
        do not have: it is the costliest part of a read.
        """
        claims = pyjwt.decode(
            token,
            self.key,
            algorithms=[self.algorithm],
            issuer=self.issuer,
            audience=self.audience,
            leeway=LEEWAY,
            options={"verify_aud": self.audience is not None},
        )
        if claims.get("type", "access") != "access":
            raise ValueError("not an access token")
        return claims


def init_app(app: Flask, settings: Settings) -> None:
    """Pin the algorithm, and issuer and audience where they are set."""
    app.config.update(
        JWT_ALGORITHM=settings.jwt_algorithm,
        JWT_SECRET_KEY=settings.jwt_secret_key,
        JWT_ENCODE_ISSUER=settings.jwt_issuer,
        JWT_ENCODE_AUDIENCE=settings.jwt_audience,
    )
    key = settings.jwt_secret_key if settings.jwt_algorithm == "HS256" else settings.jwt_public_key
    app.config[_RULES] = _Rules(settings.jwt_algorithm, key or "", settings.jwt_issuer, settings.jwt_audience)
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


def is_subject(text: object) -> TypeGuard[str]:
    """Tell whether this may name a caller: 1 to 255 printable characters, not only blanks."""
    if not isinstance(text, str):
        return False
    return len(text) <= MAX_SUBJECT_LENGTH and text.isprintable() and bool(text.strip())


def _verify() -> Principal:
    rules: _Rules = current_app.config[_RULES]
    try:
        claims = rules.claims(_bearer_token())
    except (pyjwt.PyJWTError, ValueError) as error:
        raise Unauthenticated from error
    return _principal(claims)


def _bearer_token() -> str:
    """Return what the Authorization header brings; raise ValueError unless it is one bearer token."""
    scheme, token = request.headers.get("Authorization", "").split()
    if scheme != "Bearer":
        raise ValueError("not a bearer token")
    return token


def _principal(claims: Mapping[str, Any]) -> Principal:
    subject = claims.get("sub")
    if not is_subject(subject):
        raise Unauthenticated("The token names no subject.")
    if "exp" not in claims:
        raise Unauthenticated("The token never expires; tokens must.")
    roles = claims.get(current_app.config[_ROLES_CLAIM], [])
    words = [roles] if isinstance(roles, str) else roles if isinstance(roles, list) else []
    return Principal(subject, frozenset(word for word in words if isinstance(word, str)))

"""Who is calling: turns a bearer token into a principal, with the one algorithm that is configured."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeGuard

import jwt
from flask import Flask, current_app, g, request

from mpesa_service.config import Settings
from mpesa_service.domain.principal import Principal
from mpesa_service.errors import Forbidden, Unauthenticated

LEEWAY = timedelta(seconds=10)
_RULES = "JWT_RULES"
MAX_SUBJECT_LENGTH = 255


@dataclass(frozen=True)
class _Rules:
    """What a token must satisfy."""

    algorithm: str
    key: str = field(repr=False)
    issuer: str | None
    audience: str | None
    roles_claim: str

    def read(self, token: str) -> dict[str, Any]:
        """Return the claims of a token. Raises ValueError or PyJWTError unless the token is valid."""
        claims = jwt.decode(
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

    def sign(self, subject: str, roles: list[str], lifetime: timedelta) -> str:
        """Return a token that `read` accepts for `lifetime`."""
        now = datetime.now(UTC)
        claims = {
            "type": "access",
            "jti": str(uuid.uuid4()),
            "sub": subject,
            "iat": now,
            "nbf": now,
            "exp": now + lifetime,
            "iss": self.issuer,
            "aud": self.audience,
            self.roles_claim: roles,
        }
        named = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(named, self.key, algorithm=self.algorithm)


def init_app(app: Flask, settings: Settings) -> None:
    """Fix the algorithm, and issuer and audience where they are set."""
    key = settings.jwt_secret_key if settings.jwt_algorithm == "HS256" else settings.jwt_public_key
    app.config[_RULES] = _Rules(
        algorithm=settings.jwt_algorithm,
        key=key or "",
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        roles_claim=settings.jwt_roles_claim,
    )


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


def makes_tokens(app: Flask) -> bool:
    """Tell whether the service has the key that signs tokens. Only HS256 signs and verifies with one key."""
    rules: _Rules = app.config[_RULES]
    return rules.algorithm == "HS256"


def make_token(app: Flask, subject: str, roles: list[str], lifetime: timedelta) -> str:
    """Return a signed token for local use. It needs the HS256 secret."""
    rules: _Rules = app.config[_RULES]
    return rules.sign(subject, roles, lifetime)


def is_subject(text: object) -> TypeGuard[str]:
    """Tell whether this may name a caller: 1 to 255 printable characters, not only blanks."""
    if not isinstance(text, str):
        return False
    return len(text) <= MAX_SUBJECT_LENGTH and text.isprintable() and bool(text.strip())


def _verify() -> Principal:
    rules: _Rules = current_app.config[_RULES]
    try:
        claims = rules.read(_bearer_token())
    except (jwt.PyJWTError, ValueError) as error:
        raise Unauthenticated from error
    return _principal(claims, rules.roles_claim)


def _bearer_token() -> str:
    """Return what the Authorization header brings; raise ValueError unless it is one bearer token."""
    scheme, token = request.headers.get("Authorization", "").split()
    if scheme != "Bearer":
        raise ValueError("not a bearer token")
    return token


def _principal(claims: Mapping[str, Any], roles_claim: str) -> Principal:
    subject = claims.get("sub")
    if not is_subject(subject):
        raise Unauthenticated("The token names no subject.")
    if "exp" not in claims:
        raise Unauthenticated("The token never expires; tokens must.")
    roles = claims.get(roles_claim, [])
    words = [roles] if isinstance(roles, str) else roles if isinstance(roles, list) else []
    return Principal(subject, frozenset(word for word in words if isinstance(word, str)))

"""Tokens that must be refused, and the few that must be accepted."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from flask import Flask
from flask_jwt_extended import create_refresh_token

from mpesa_service.app import build_app
from mpesa_service.config import load_settings
from mpesa_service.core.database import Database
from mpesa_service.core.runtime import build_runtime
from tests.support import SECRET, environment

ISSUER, AUDIENCE = "https://id.example.co.ke", "mpesa"
BODY = {"orderId": "ORDER1", "amount": 1_000_000, "phoneNumber": "0712345678"}
ROUTES = {
    "initiate": ("POST", "/api/mpesa/initiate", BODY),
    "query": ("GET", "/api/mpesa/query/ws_CO_1", None),
    "refund": ("POST", "/api/mpesa/ws_CO_1/refund", {}),
}
LET_IN = {"initiate": 400, "query": 404, "refund": 404}
"""The status that an accepted admin gets: the guard passes, and the object is not found."""


def pem(key: Any) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_EC_KEY = ec.generate_private_key(ec.SECP256R1())


def segment(data: bytes | dict[str, Any] | list[Any]) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def by_hand(header: Any, payload: Any, secret: str | None = SECRET) -> str:
    """Make a token with an HS256 signature and any header."""
    signed = f"{segment(header)}.{segment(payload)}"
    if secret is None:
        return f"{signed}."
    return f"{signed}.{segment(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())}"


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    found = {
        "sub": "boss",
        "iat": now,
        "nbf": now,
        "exp": now + 600,
        "jti": "1",
        "roles": ["admin"],
        **changes,
    }
    return {name: value for name, value in found.items() if value is not ...}


def token(secret: str = SECRET, header: dict[str, Any] | None = None, **changes: Any) -> str:
    return by_hand({"alg": "HS256", "typ": "JWT", **(header or {})}, claims(**changes), secret)


def raw_claims(text: str, **changes: Any) -> str:
    """Make a signed token whose payload JSON has a number or word that json.dumps would not write."""
    payload = json.dumps(claims(**changes, marker="MARKER")).replace('"marker": "MARKER"', text)
    return by_hand({"alg": "HS256"}, payload.encode())


@pytest.fixture(scope="module")
def template(migrated_sqlite: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("auth") / "service.db"
    path.write_bytes(migrated_sqlite.read_bytes())
    return f"sqlite:///{path}"


@pytest.fixture(scope="module")
def make_app(template: str) -> Iterator[Any]:
    databases: list[Database] = []

    def make(**changes: str) -> Flask:
        settings = load_settings(environment(DATABASE_URL=template, **changes))
        runtime = build_runtime(settings)
        databases.append(runtime.database)
        return build_app(settings, runtime)

    yield make
    for database in databases:
        database.dispose()


@pytest.fixture(scope="module")
def app(make_app: Any) -> Flask:
    found: Flask = make_app()
    return found


@pytest.fixture(scope="module")
def strict_app(make_app: Any) -> Flask:
    found: Flask = make_app(JWT_ISSUER=ISSUER, JWT_AUDIENCE=AUDIENCE)
    return found


def send(app: Flask, route: str, header: str | list[str] | None) -> Any:
    method, path, body = ROUTES[route]
    values = [header] if isinstance(header, str) else header or []
    return app.test_client().open(
        path, method=method, json=body, headers=[("Authorization", value) for value in values]
    )


def refused(app: Flask, header: str | list[str] | None) -> None:
    for route in ROUTES:
        answer = send(app, route, header)
        assert answer.status_code == 401, (route, answer.json)
        assert answer.json == {
            "error": "Unauthorized",
            "message": answer.json["message"],
            "code": "unauthenticated",
            "requestId": answer.headers["X-Request-Id"],
        }
        if isinstance(header, str) and len(header) > 12:
            assert header[7:] not in answer.text


def let_in(app: Flask, header: str) -> None:
    for route, status in LET_IN.items():
        assert send(app, route, header).status_code == status, route


def test_a_good_token_is_let_in(app: Flask) -> None:
    let_in(app, f"Bearer {token()}")


LONG_NUMBER = segment(b'{"alg":"HS256","x":' + b"9" * 5_000 + b"}")
TEXT = segment(b'"HS256"')
UNSIGNED = ("none", "None", "nOnE", "NONE", "", None, 0, [], {})
OTHERWISE_SIGNED = ("none", "HS384", "HS512", "RS256", "ES256", "EdDSA", "hs256", ["HS256"], {"a": 1})
WITHOUT_ROLE = token(roles=[]).split(".")
HEADERS = {
    "none at all": None,
    "empty": "",
    "only the word": "Bearer",
    "the word and a blank": "Bearer ",
    "no word": token(),
    "lower case": f"bearer {token()}",
    "upper case": f"BEARER {token()}",
    "another word": f"Token {token()}",
    "basic": "Basic Ym9zczpwYXNz",
    "no blank": f"Bearer{token()}",
    "something after": f"Bearer {token()} admin",
    "twice in one": f"Bearer {token()}, Bearer {token()}",
    "a list, the token first": f"Bearer {token()}, Basic Ym9zczpwYXNz",
    "a list, the token last": f"Basic Ym9zczpwYXNz, Bearer {token()}",
    "commas": ", ,,",
    "a comma and nothing": "Bearer a,, Bearer b",
    "two headers": [f"Bearer {token()}", f"Bearer {token()}"],
    "two headers that differ": [f"Bearer {token(sub='a')}", f"Bearer {token(sub='b')}"],
    "garbage": "Bearer garbage",
    "two dots": "Bearer ..",
    "many dots": "Bearer a.b.c.d.e",
    "bad base64": "Bearer !!!.???.***",
    "base64 of nothing": "Bearer e30.e30.e30",
    "non-ASCII": "Bearer \u00e9\u00e8.\u00fc.\u00df",
    "NUL": "Bearer a\x00b.c.d",
    "long": f"Bearer {'A' * 8_000}",
    "long and dotted": f"Bearer {'A' * 2_700}.{'A' * 2_700}.{'A' * 2_700}",
    "deep header": f"Bearer {segment(b'[' * 5_900)}.e30.e30",
    "deep object as header": f"Bearer {segment(b'{' + b'1:{' * 1_900)}.e30.e30",
    "deep payload": f"Bearer {segment({'alg': 'HS256'})}.{segment(b'[' * 5_800)}.e30",
    "long number in the header": f"Bearer {LONG_NUMBER}.e30.e30",
    "an array as header": f"Bearer {segment([])}.{segment(claims())}.AAAA",
    "a text as header": f"Bearer {TEXT}.{segment(claims())}.AAAA",
}


@pytest.mark.parametrize("name", HEADERS)
def test_headers_that_are_not_believed(app: Flask, name: str) -> None:
    refused(app, HEADERS[name])


HOSTILE = {
    **{f"alg {word!r}": by_hand({"alg": word}, claims(), None) for word in UNSIGNED},
    **{f"alg {word!r}, signed": by_hand({"alg": word}, claims()) for word in OTHERWISE_SIGNED},
    "no alg": by_hand({"typ": "JWT"}, claims()),
    "another secret": token("another-secret-another-secret-another"),
    "the secret in another case": token(SECRET.upper()),
    "an empty secret": by_hand({"alg": "HS256"}, claims(), ""),
    "no signature": by_hand({"alg": "HS256"}, claims(), None),
    "a short signature": token()[:-20],
    "a signature of zeros": token().rsplit(".", 1)[0] + "." + "A" * 43,
    "another token's signature": token(sub="a").rsplit(".", 1)[0] + "." + token(sub="b").rsplit(".", 1)[1],
    "a role added": f"{WITHOUT_ROLE[0]}.{segment(claims())}.{WITHOUT_ROLE[2]}",
    "a key id as a path": by_hand({"alg": "HS256", "kid": "../../../../dev/null"}, claims(), ""),
    "a key id as SQL": by_hand({"alg": "HS256", "kid": "x' UNION SELECT 'a"}, claims(), "a"),
    "a key in the header": by_hand(
        {"alg": "HS256", "jwk": {"kty": "oct", "k": segment(b"a")}}, claims(), "a"
    ),
    "a key's address": by_hand({"alg": "HS256", "jku": "https://evil.example/jwks.json"}, claims(), "a"),
    "a certificate's address": by_hand({"alg": "HS256", "x5u": "https://evil.example/x.pem"}, claims(), "a"),
    "a critical extension": token(header={"crit": ["b64"], "b64": False}),
    "no expiry": token(exp=...),
    "expired long ago": token(exp=0),
    "expired before time": token(exp=-(10**30)),
    "expiry as text": token(exp="never"),
    "expiry as null": token(exp=None),
    "expiry as list": token(exp=[9_999_999_999]),
    "expiry as object": token(exp={}),
    "expiry infinite": raw_claims('"x": 1', exp=float("inf")),
    "expiry not a number": raw_claims('"x": 1', exp=float("nan")),
    "not before as list": token(nbf=[]),
    "not before infinite": raw_claims('"x": 1', nbf=float("inf")),
    "issued as text": token(iat="yesterday"),
    "issued as list": token(iat=[]),
    "no subject": token(sub=...),
    "an empty subject": token(sub=""),
    "a blank subject": token(sub=" "),
    "subject null": token(sub=None),
    "subject a number": token(sub=42),
    "subject a list": token(sub=["boss"]),
    "subject an object": token(sub={"id": "boss"}),
    "subject true": token(sub=True),
    "a subject too long": token(sub="b" * 256),
    "a subject with NUL": token(sub="bo\x00ss"),
    "a subject with half a character": token(sub="\ud800"),
    "a refresh token": token(type="refresh"),
    "a token of another type": token(type="id"),
    "payload an array": by_hand({"alg": "HS256"}, [claims()]),
    "payload a text": by_hand({"alg": "HS256"}, b'"boss"'),
    "payload a number": by_hand({"alg": "HS256"}, b"1"),
    "payload null": by_hand({"alg": "HS256"}, b"null"),
    "payload empty": by_hand({"alg": "HS256"}, b""),
    "payload no JSON": by_hand({"alg": "HS256"}, b"{sub:boss}"),
    "payload deep": by_hand({"alg": "HS256"}, b"[" * 5_000),
    "payload not UTF-8": by_hand({"alg": "HS256"}, b'{"sub":"\xff"}'),
    "a huge number": raw_claims('"x": ' + "9" * 5_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_tokens_that_are_not_believed(app: Flask, name: str) -> None:
    refused(app, f"Bearer {HOSTILE[name]}")


@pytest.mark.parametrize(("claim", "seconds"), [("exp", -60), ("exp", -11), ("nbf", 60), ("iat", 3_600)])
def test_tokens_out_of_their_time_are_not_believed(app: Flask, claim: str, seconds: int) -> None:
    refused(app, f"Bearer {token(**{claim: int(time.time()) + seconds})}")


@pytest.mark.parametrize(("claim", "seconds"), [("exp", -3), ("nbf", 6), ("iat", 6)])
def test_clocks_may_differ_by_some_seconds(app: Flask, claim: str, seconds: int) -> None:
    let_in(app, f"Bearer {token(**{claim: int(time.time()) + seconds})}")


def test_a_refresh_token_of_our_own_is_not_believed(app: Flask) -> None:
    with app.app_context():
        made = create_refresh_token("boss", additional_claims={"roles": ["admin"]})
    refused(app, f"Bearer {made}")


def test_a_token_in_a_cookie_or_the_address_is_not_believed(app: Flask) -> None:
    client = app.test_client()
    client.set_cookie("access_token_cookie", token())
    answer = client.get(f"/api/mpesa/query/x?jwt={token()}&access_token={token()}")
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 10**30},
        {"nbf": ..., "iat": ..., "jti": ...},
        {"sub": "x" * 255},
        {"sub": "c\u0301\u0161 \u5e97"},
        {"extra": {"deep": [1, 2]}},
        {"type": "access"},
        {"iss": "anybody"},
    ],
    ids=str,
)
def test_tokens_that_are_believed(app: Flask, changes: dict[str, Any]) -> None:
    let_in(app, f"Bearer {token(**changes)}")


def test_a_key_id_does_no_harm_when_the_signature_is_right(app: Flask) -> None:
    let_in(app, f"Bearer {token(header={'kid': '../x', 'jku': 'https://evil.example'})}")


class TestIssuerAndAudience:
    def test_both_right(self, strict_app: Flask) -> None:
        let_in(strict_app, f"Bearer {token(iss=ISSUER, aud=AUDIENCE)}")
        let_in(strict_app, f"Bearer {token(iss=ISSUER, aud=['other', AUDIENCE])}")

    @pytest.mark.parametrize(
        "changes",
        [
            {"iss": ISSUER},
            {"aud": AUDIENCE},
            {},
            {"iss": ISSUER, "aud": "other"},
            {"iss": ISSUER, "aud": []},
            {"iss": ISSUER, "aud": [1]},
            {"iss": ISSUER, "aud": {"mpesa": 1}},
            {"iss": ISSUER, "aud": "MPESA"},
            {"iss": "https://evil.example", "aud": AUDIENCE},
            {"iss": f"{ISSUER}/", "aud": AUDIENCE},
            {"iss": [ISSUER], "aud": AUDIENCE},
            {"iss": None, "aud": AUDIENCE},
            {"iss": 1, "aud": AUDIENCE},
            {"iss": ISSUER, "aud": None},
        ],
        ids=str,
    )
    def test_any_other_is_refused(self, strict_app: Flask, changes: dict[str, Any]) -> None:
        refused(strict_app, f"Bearer {token(**changes)}")

    def test_a_token_for_somebody_else_is_refused_where_none_is_set(self, app: Flask) -> None:
        """A token with an audience is only for that audience."""
        answer = send(app, "query", f"Bearer {token(aud='another-service')}")
        assert answer.status_code in {401, 404}


class TestRoles:
    @pytest.mark.parametrize("roles", ["admin", ["admin"], ["user", "admin"], ["admin", 1, None]], ids=str)
    def test_admins(self, app: Flask, roles: Any) -> None:
        assert send(app, "refund", f"Bearer {token(roles=roles)}").status_code == 404

    @pytest.mark.parametrize(
        "roles",
        [
            ...,
            None,
            "",
            [],
            {},
            "user",
            ["user"],
            "Admin",
            ["ADMIN"],
            "admin user",
            "admin,user",
            ["administrator"],
            [["admin"]],
            {"admin": True},
            [{"admin": True}],
            1,
            True,
            "*",
            "\u0430dmin",
        ],
        ids=str,
    )
    def test_anything_else_is_not_an_admin(self, app: Flask, roles: Any) -> None:
        header = f"Bearer {token(roles=roles)}"
        answer = send(app, "refund", header)
        assert answer.status_code == 403
        assert answer.json == {
            "error": "Forbidden",
            "message": "This request requires a role that the token does not have.",
            "code": "forbidden",
            "requestId": answer.headers["X-Request-Id"],
        }
        assert send(app, "initiate", header).status_code == 400
        assert send(app, "query", header).status_code == 404

    def test_other_claims_do_not_count(self, app: Flask) -> None:
        sent = token(roles=[], role="admin", admin=True, scope="admin", is_admin=True)
        assert send(app, "refund", f"Bearer {sent}").status_code == 403

    def test_the_claim_has_the_name_that_is_configured(self, make_app: Any) -> None:
        app = make_app(JWT_ROLES_CLAIM="https://id.example/groups")
        sent = token(roles=["admin"])
        assert send(app, "refund", f"Bearer {sent}").status_code == 403
        sent = token(roles=..., **{"https://id.example/groups": ["admin"]})
        assert send(app, "refund", f"Bearer {sent}").status_code == 404

    def test_a_dotted_name_is_one_name(self, make_app: Any) -> None:
        app = make_app(JWT_ROLES_CLAIM="realm_access.roles")
        assert send(app, "refund", f"Bearer {token(realm_access={'roles': ['admin']})}").status_code == 403


class TestPublicKeys:
    KEYS: dict[str, tuple[Any, Any]] = {"RS256": (RSA_KEY, OTHER_RSA_KEY), "ES256": (EC_KEY, OTHER_EC_KEY)}  # noqa: RUF012

    @pytest.fixture(params=["RS256", "ES256"])
    def keyed(self, request: pytest.FixtureRequest, make_app: Any) -> tuple[str, Flask]:
        key = self.KEYS[request.param][0]
        return request.param, make_app(JWT_ALGORITHM=request.param, JWT_PUBLIC_KEY=pem(key))

    def test_a_good_token_is_let_in(self, keyed: tuple[str, Flask]) -> None:
        algorithm, app = keyed
        let_in(app, f"Bearer {jwt.encode(claims(), self.KEYS[algorithm][0], algorithm)}")

    def test_a_one_line_key_works(self, make_app: Any) -> None:
        app = make_app(JWT_ALGORITHM="ES256", JWT_PUBLIC_KEY=pem(EC_KEY).replace("\n", "\\n"))
        let_in(app, f"Bearer {jwt.encode(claims(), EC_KEY, 'ES256')}")

    def test_another_key_is_refused(self, keyed: tuple[str, Flask]) -> None:
        algorithm, app = keyed
        refused(app, f"Bearer {jwt.encode(claims(), self.KEYS[algorithm][1], algorithm)}")

    def test_the_other_algorithm_is_refused(self, keyed: tuple[str, Flask]) -> None:
        algorithm, app = keyed
        other = "ES256" if algorithm == "RS256" else "RS256"
        refused(app, f"Bearer {jwt.encode(claims(), self.KEYS[other][0], other)}")

    def test_a_stronger_hash_is_refused(self, make_app: Any) -> None:
        app = make_app(JWT_ALGORITHM="RS256", JWT_PUBLIC_KEY=pem(RSA_KEY))
        for algorithm in ("RS384", "RS512", "PS256"):
            refused(app, f"Bearer {jwt.encode(claims(), RSA_KEY, algorithm)}")

    @pytest.mark.parametrize("spelling", [str, str.strip, lambda text: text.replace("\n", "\\n")])
    def test_the_public_key_is_no_hmac_secret(self, keyed: tuple[str, Flask], spelling: Any) -> None:
        algorithm, app = keyed
        secret = spelling(pem(self.KEYS[algorithm][0]))
        for word in ("HS256", algorithm):
            refused(app, f"Bearer {by_hand({'alg': word}, claims(), secret)}")

    def test_shared_secret_tokens_are_refused(self, keyed: tuple[str, Flask]) -> None:
        refused(keyed[1], f"Bearer {token()}")

    @pytest.mark.parametrize("word", ["none", "None", "nOnE"])
    def test_unsigned_tokens_are_refused(self, keyed: tuple[str, Flask], word: str) -> None:
        refused(keyed[1], f"Bearer {by_hand({'alg': word}, claims(), None)}")

    def test_the_signature_of_zeros_is_refused(self, keyed: tuple[str, Flask]) -> None:
        algorithm, app = keyed
        signed = f"{segment({'alg': algorithm})}.{segment(claims())}"
        for length in (0, 1, 64, 256):
            refused(app, f"Bearer {signed}.{segment(bytes(length))}")

    def test_a_key_of_the_wrong_kind_lets_nobody_in(self, make_app: Any) -> None:
        app = make_app(JWT_ALGORITHM="ES256", JWT_PUBLIC_KEY=pem(RSA_KEY))
        refused(app, f"Bearer {jwt.encode(claims(), EC_KEY, 'ES256')}")

    def test_a_broken_key_lets_nobody_in(self, make_app: Any) -> None:
        broken = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----"
        app = make_app(JWT_ALGORITHM="RS256", JWT_PUBLIC_KEY=broken)
        refused(app, f"Bearer {jwt.encode(claims(), RSA_KEY, 'RS256')}")

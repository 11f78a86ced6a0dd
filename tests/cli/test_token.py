"""Tokens and keys that operators make."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask

from mpesa_service.app import build_app
from mpesa_service.config import load_settings
from mpesa_service.core.runtime import build_runtime
from tests.support import SECRET, environment


@pytest.fixture
def make_app(sqlite_url: str) -> Iterator[Any]:
    runtimes = []

    def make(**changes: str) -> Flask:
        settings = load_settings(environment(DATABASE_URL=sqlite_url, **changes))
        runtimes.append(build_runtime(settings))
        return build_app(settings, runtimes[-1])

    yield make
    for runtime in runtimes:
        runtime.database.dispose()


def run(app: Flask, *words: str) -> Any:
    return app.test_cli_runner().invoke(args=["mpesa", *words])


def decoded(text: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(text.strip(), SECRET, algorithms=["HS256"])
    return found


class TestToken:
    def test_is_believed_by_the_service(self, make_app: Any) -> None:
        app = make_app()
        result = run(app, "token", "--sub", "shop", "--role", "admin")
        assert result.exit_code == 0
        header = {"Authorization": f"Bearer {result.stdout.strip()}"}
        assert app.test_client().post("/api/mpesa/x/refund", json={}, headers=header).status_code == 404

    def test_says_what_the_options_say(self, make_app: Any) -> None:
        result = run(
            make_app(), "token", "--sub", "shop", "--role", "admin", "--role", "clerk", "--hours", "2"
        )
        found = decoded(result.stdout)
        assert (found["sub"], found["roles"]) == ("shop", ["admin", "clerk"])
        assert found["exp"] - found["iat"] == 2 * 3_600
        assert abs(found["iat"] - datetime.now(UTC).timestamp()) < 30

    def test_by_default_carries_no_role_and_lives_twelve_hours(self, make_app: Any) -> None:
        app = make_app()
        result = run(app, "token", "--sub", "shop")
        found = decoded(result.stdout)
        assert (found["roles"], found["exp"] - found["iat"]) == ([], 12 * 3_600)
        header = {"Authorization": f"Bearer {result.stdout.strip()}"}
        assert app.test_client().post("/api/mpesa/x/refund", json={}, headers=header).status_code == 403

    def test_fits_the_issuer_audience_and_claim_that_are_configured(self, make_app: Any) -> None:
        app = make_app(JWT_ISSUER="https://id.example", JWT_AUDIENCE="mpesa", JWT_ROLES_CLAIM="groups")
        result = run(app, "token", "--sub", "shop", "--role", "admin")
        header = {"Authorization": f"Bearer {result.stdout.strip()}"}
        assert app.test_client().post("/api/mpesa/x/refund", json={}, headers=header).status_code == 404

    def test_warns_of_roles_that_mean_nothing(self, make_app: Any) -> None:
        result = run(make_app(), "token", "--sub", "shop", "--role", "Admin", "--role", "admin")
        assert result.stderr == "Warning: the role 'Admin' means nothing. The only role is 'admin'.\n"
        assert decoded(result.stdout)["roles"] == ["Admin", "admin"]

    def test_is_not_made_for_longer_than_the_service_takes_it(self, make_app: Any) -> None:
        app = make_app(JWT_MAX_LIFETIME="7200")
        assert run(app, "token", "--sub", "shop", "--hours", "2").exit_code == 0
        result = run(app, "token", "--sub", "shop", "--hours", "3")
        assert result.exit_code == 2
        assert "JWT_MAX_LIFETIME" in result.output

    @pytest.mark.parametrize(
        "words",
        [
            [],
            ["--sub", " "],
            ["--sub", "a" * 256],
            ["--sub", "a", "--hours", "0"],
            ["--sub", "a", "--hours", "9000"],
        ],
        ids=str,
    )
    def test_needs_a_subject_and_a_time_limit(self, make_app: Any, words: list[str]) -> None:
        result = run(make_app(), "token", *words)
        assert result.exit_code == 2
        assert "Usage:" in result.output

    def test_is_not_made_where_the_private_key_is_elsewhere(self, make_app: Any) -> None:
        public = ec.generate_private_key(ec.SECP256R1()).public_key()
        pem = public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode()
        result = run(make_app(JWT_ALGORITHM="ES256", JWT_PUBLIC_KEY=pem), "token", "--sub", "shop")
        assert result.exit_code == 1
        assert "The holder of the private key makes the tokens" in result.output


BY = ("--by", "amina", "--reason", "stolen")


class TestRevoke:
    def refused(self, app: Flask, token: str) -> bool:
        header = {"Authorization": f"Bearer {token}"}
        return app.test_client().get("/api/mpesa/query/x", headers=header).status_code == 401

    def test_one_token_by_its_id_or_by_itself(self, make_app: Any) -> None:
        app = make_app()
        tokens = [json.loads(run(app, "token", "--sub", "shop", "--json").stdout) for _ in range(3)]
        assert not any(self.refused(app, one["token"]) for one in tokens)
        assert run(app, "token", "revoke", tokens[0]["jti"], *BY).exit_code == 0
        words = ["mpesa", "token", "revoke", "-", *BY]
        result = app.test_cli_runner().invoke(args=words, input=tokens[1]["token"] + "\n")
        assert result.exit_code == 0
        assert tokens[1]["token"] not in result.output
        assert [self.refused(app, one["token"]) for one in tokens] == [True, True, False]

    def test_all_of_a_caller(self, make_app: Any) -> None:
        app = make_app()
        mine, other = (run(app, "token", "--sub", sub).stdout.strip() for sub in ("shop", "other"))
        result = run(app, "token", "revoke", "--sub", "shop", *BY)
        assert result.stdout == "Revoked: all tokens of shop. It takes effect within 10 seconds.\n"
        assert (self.refused(app, mine), self.refused(app, other)) == (True, False)
        [found] = json.loads(run(app, "token", "revocations", "--json").stdout)
        assert (found["sub"], found["revokedBy"], found["reason"]) == ("shop", "operator:amina", "stolen")

    @pytest.mark.parametrize("words", [[], ["jti", "--sub", "shop"], ["--sub", " "], ["j" * 256]], ids=str)
    def test_needs_one_of_both(self, make_app: Any, words: list[str]) -> None:
        assert run(make_app(), "token", "revoke", *words, *BY).exit_code == 2

    def test_what_is_no_token_is_refused(self, make_app: Any) -> None:
        words = ["mpesa", "token", "revoke", "-", *BY]
        result = make_app().test_cli_runner().invoke(args=words, input="a.b.c")
        assert result.exit_code == 1
        assert "This is no token" in result.output


def test_a_new_key_encrypts(make_app: Any) -> None:
    result = run(make_app(), "keys", "new")
    assert result.exit_code == 0
    key = result.stdout.strip()
    assert Fernet(key).decrypt(Fernet(key).encrypt(b"254712345678")) == b"254712345678"
    assert run(make_app(), "keys", "new").stdout.strip() != key
    load_settings(environment(PHONE_ENCRYPTION_KEYS=key))

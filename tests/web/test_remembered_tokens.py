"""A token is verified once. Nothing that verification would refuse gets in because of that."""

import time

import pytest
from flask import Flask

from mpesa_service.web import auth
from tests.web.tokens import refused, send, token


class TestRememberedTokens:
    def test_one_that_expires_is_refused_from_then_on(self, app: Flask) -> None:
        leaves = int(time.time()) - int(auth.LEEWAY.total_seconds()) + 2
        header = f"Bearer {token(exp=leaves)}"
        assert send(app, "query", header).status_code == 404
        deadline = time.monotonic() + 10
        while send(app, "query", header).status_code != 401:
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def test_another_signature_or_payload_is_refused(self, app: Flask) -> None:
        known = token()
        assert send(app, "query", f"Bearer {known}").status_code == 404
        header, payload, signature = known.split(".")
        other = token(sub="mallory", roles=["admin"], secret="x" * 32).split(".")
        refused(app, f"Bearer {header}.{payload}.{other[2]}")
        refused(app, f"Bearer {header}.{other[1]}.{signature}")

    def test_another_application_verifies_it_itself(self, app: Flask, strict_app: Flask) -> None:
        header = f"Bearer {token()}"
        assert send(app, "query", header).status_code == 404
        refused(strict_app, header)

    def test_only_so_many_are_kept(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(auth, "REMEMBERED", 2)
        for jti in ("a", "b", "c", "a"):
            assert send(app, "query", f"Bearer {token(jti=jti)}").status_code == 404
            assert len(app.extensions["mpesa_service.verified_tokens"]) <= 2

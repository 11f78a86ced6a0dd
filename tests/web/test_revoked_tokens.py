"""Revoked tokens are refused in every process within ten seconds, without a query for each request."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from mpesa_service.core.revocations import MOST_SECONDS, REFRESH_SECONDS, Revocations
from mpesa_service.operations.revoking import prune
from mpesa_service.web.blueprint import RUNTIME
from tests.support import Service
from tests.web.support import shaped
from tests.web.tokens import refused, send, token

BY, WHY = "operator:amina", "stolen"


def now() -> datetime:
    return datetime.now(UTC)


def list_of(app: Flask) -> Revocations:
    found: Revocations = app.extensions[RUNTIME].revocations
    return found


class TestOneToken:
    def test_is_refused_although_it_was_verified_before_and_others_are_not(self, make_app: Any) -> None:
        app = make_app()
        stolen, other = f"Bearer {token(jti='stolen')}", f"Bearer {token(jti='other')}"
        assert send(app, "query", stolen).status_code == 404
        list_of(app).revoke_token("stolen", BY, WHY, now())
        refused(app, stolen)
        assert send(app, "query", other).status_code == 404
        assert send(app, "query", f"Bearer {token(jti=...)}").status_code == 404

    def test_the_answer_says_so(self, make_app: Any) -> None:
        app = make_app()
        list_of(app).revoke_token("said", BY, WHY, now())
        body = shaped(send(app, "query", f"Bearer {token(jti='said')}"), 401, "unauthenticated")
        assert body["message"] == "The token is revoked."


class TestASubject:
    def test_what_was_issued_before_is_refused_and_what_is_issued_later_is_not(self, make_app: Any) -> None:
        app, issued = make_app(), int(time.time()) - 100
        old, new = f"Bearer {token(sub='s1', iat=issued)}", f"Bearer {token(sub='s1', iat=issued + 50)}"
        list_of(app).revoke_subject("s1", BY, WHY, datetime.fromtimestamp(issued + 20, UTC))
        refused(app, old)
        assert send(app, "query", new).status_code == 404
        assert send(app, "query", f"Bearer {token(sub='s2', iat=issued)}").status_code == 404

    def test_an_issuer_whose_clock_is_ahead_does_not_keep_a_token_alive(self, make_app: Any) -> None:
        app, issued = make_app(), int(time.time()) - 100
        list_of(app).revoke_subject("s3", BY, WHY, datetime.fromtimestamp(issued, UTC))
        refused(app, f"Bearer {token(sub='s3', iat=issued + 9)}")

    def test_a_token_that_does_not_say_when_it_was_issued_is_refused(self, make_app: Any) -> None:
        app = make_app()
        list_of(app).revoke_subject("s4", BY, WHY, now())
        refused(app, f"Bearer {token(sub='s4', iat=...)}")

    def test_the_last_revocation_counts(self, make_app: Any) -> None:
        app, issued = make_app(), int(time.time()) - 100
        for moment in (issued + 60, issued - 60):
            list_of(app).revoke_subject("s5", BY, WHY, datetime.fromtimestamp(moment, UTC))
        refused(app, f"Bearer {token(sub='s5', iat=issued)}")


class TestOtherProcesses:
    """Another process has a copy of its own. Its clock is moved by hand."""

    def test_refuse_it_within_the_documented_time_at_one_query_for_each_copy(self, service: Service) -> None:
        database, seconds, queries = service.runtime.database, [0.0], list[str]()
        other = Revocations(database, lambda: seconds[0])
        assert not other.refuses("shop", "j", 1)
        event.listen(database.engine, "before_cursor_execute", lambda *args: queries.append(args[2]))
        service.runtime.revocations.revoke_token("j", BY, WHY, now())
        queries.clear()
        for _ in range(1_000):
            other.refuses("shop", "j", 1)
        assert queries == []
        seconds[0] = REFRESH_SECONDS
        assert REFRESH_SECONDS < MOST_SECONDS
        assert other.refuses("shop", "j", 1)
        assert other.refuses("shop", "j", 1)
        assert len([one for one in queries if one.startswith("SELECT")]) == 1

    def test_a_copy_that_another_thread_renews_is_used_for_a_short_time_only(self, service: Service) -> None:
        seconds = [0.0]
        other = Revocations(service.runtime.database, lambda: seconds[0])
        assert not other.refuses("shop", "j", 1)
        service.runtime.revocations.revoke_token("j", BY, WHY, now())
        with other._reading:  # the thread that renews it hangs
            seconds[0] = MOST_SECONDS - 0.1
            assert not other.refuses("shop", "j", 1)
            seconds[0] = MOST_SECONDS
            assert other.refuses("shop", "j", 1)


def test_they_are_kept_until_the_tokens_have_expired(service: Service) -> None:
    revocations = service.runtime.revocations
    revocations.revoke_token("old", BY, WHY, service.clock())
    service.clock.advance(service.runtime.settings.jwt_max_lifetime.total_seconds())
    revocations.revoke_subject("new", BY, WHY, service.clock())
    assert prune(service.runtime) == 0
    service.clock.advance(timedelta(days=1, seconds=1).total_seconds())
    assert prune(service.runtime) == 1
    assert [one.subject for one in revocations.list_all()] == ["new"]


class TestLifetime:
    @pytest.mark.parametrize("iat", [0, ...], ids=["with iat", "without iat"])
    def test_a_far_expiry_is_refused(self, make_app: Any, iat: Any) -> None:
        app, at = make_app(JWT_MAX_LIFETIME="3600"), int(time.time())
        issued = {"iat": at if iat == 0 else ...}
        assert send(app, "query", f"Bearer {token(exp=at + 3_590, **issued)}").status_code == 404
        refused(app, f"Bearer {token(exp=at + 3_700, **issued)}")

    def test_time_does_not_make_a_long_token_short(self, make_app: Any) -> None:
        at = int(time.time())
        refused(make_app(JWT_MAX_LIFETIME="3600"), f"Bearer {token(iat=at - 7_200, exp=at + 60)}")

    def test_a_year_is_allowed_by_default(self, app: Flask) -> None:
        at = int(time.time())
        assert send(app, "query", f"Bearer {token(iat=at, exp=at + 366 * 86_400)}").status_code == 404
        refused(app, f"Bearer {token(iat=at, exp=at + 367 * 86_400)}")


class TestRoutes:
    def test_an_admin_revokes_and_lists(self, service: Service) -> None:
        sent = {"jti": "j1", "reason": " lost "}
        answer = service.call("POST", "/tokens/revocations", sent, by="boss", admin=True)
        assert (answer.status_code, answer.json["data"]["revokedBy"]) == (201, "boss")
        answer = service.call("POST", "/tokens/revocations", {"sub": "s", "reason": "x"}, admin=True)
        assert answer.status_code == 201
        listed = service.call("GET", "/tokens/revocations", admin=True).json["data"]
        assert [(one["jti"], one["sub"], one["reason"]) for one in listed] == [
            (None, "s", "x"),
            ("j1", None, "lost"),
        ]

    @pytest.mark.parametrize(
        "body",
        [
            {"reason": "x"},
            {"jti": "a", "sub": "b", "reason": "x"},
            {"jti": "", "reason": "x"},
            {"sub": "b" * 256, "reason": "x"},
            {"jti": "a"},
            {"jti": 1, "reason": "x"},
        ],
        ids=str,
    )
    def test_one_of_both_and_a_reason_are_needed(self, shop: Service, body: dict[str, Any]) -> None:
        shaped(shop.call("POST", "/tokens/revocations", body, admin=True), 400, "invalid_request")

    def test_is_for_admins(self, shop: Service) -> None:
        for method in ("GET", "POST"):
            assert shop.call(method, "/tokens/revocations", {}).status_code == 403

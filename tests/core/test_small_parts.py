"""The token store, the vault, readiness, and what failed calls mean."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from mpesa_service.config import load_settings
from mpesa_service.core.clock import utc_now
from mpesa_service.core.database import Database
from mpesa_service.core.encryption import Vault
from mpesa_service.core.provider_errors import failure_of, refusal_for_caller
from mpesa_service.core.runtime import build_runtime
from mpesa_service.core.token_store import DatabaseTokenStore
from mpesa_service.daraja import (
    InvalidToken,
    NotSent,
    OutcomeUnknown,
    Refused,
    SubscriberBusy,
    Throttled,
    Token,
)
from mpesa_service.operations.readiness import SCHEMA_REVISION, unready_because
from tests.support import ENCRYPTION_KEY, SECRET, TestClock, environment


class TestTokenStore:
    @pytest.fixture
    def store(self, database_url: str, clock: TestClock):
        database = Database(database_url)
        yield DatabaseTokenStore(database, Vault([ENCRYPTION_KEY], SECRET), "app", clock)
        database.dispose()

    def token(self, clock: TestClock, value: str = "abc") -> Token:
        return Token(value, clock() + timedelta(hours=1))

    def test_a_token_is_kept_encrypted(self, store, clock: TestClock) -> None:
        assert store.read() is None
        assert store.claim_refresh(None, 30)
        store.save(self.token(clock))
        assert store.read() == self.token(clock)
        with store._database.read() as session:
            from mpesa_service.models import DarajaToken

            assert b"abc" not in session.query(DarajaToken).one().token_encrypted

    def test_one_caller_at_a_time_refreshes(self, store, clock: TestClock) -> None:
        assert store.claim_refresh(None, 30)
        assert not store.claim_refresh(None, 30)
        clock.advance(31)
        assert store.claim_refresh(None, 30), "the first one died"

    def test_a_released_lease_can_be_taken(self, store) -> None:
        store.claim_refresh(None, 30)
        store.release()
        assert store.claim_refresh(None, 30)

    def test_a_late_release_frees_nobody_elses_lease(self, store, clock: TestClock) -> None:
        store.claim_refresh(None, 30)
        clock.advance(31)
        other = DatabaseTokenStore(store._database, store._vault, "app", clock)
        assert other.claim_refresh(None, 30)
        store.release()
        assert not store.claim_refresh(None, 30)

    def test_nobody_refreshes_what_another_has_refreshed(self, store, clock: TestClock) -> None:
        store.claim_refresh(None, 30)
        store.save(self.token(clock, "new"))
        assert not store.claim_refresh("old", 30)
        assert store.claim_refresh("new", 30)
        store.release()
        clock.advance(3601)
        assert store.claim_refresh("old", 30), "the stored one has expired"

    def test_a_token_under_a_dropped_key_counts_as_none(self, store, clock: TestClock) -> None:
        store.claim_refresh(None, 30)
        store.save(self.token(clock))
        other = Vault([Fernet.generate_key().decode()], SECRET)
        assert DatabaseTokenStore(store._database, other, "app", clock).read() is None


class TestVault:
    def test_rotation(self) -> None:
        old, new = ENCRYPTION_KEY, Fernet.generate_key().decode()
        written = Vault([old], SECRET).encrypt("254712345678")
        both = Vault([new, old], SECRET)
        assert both.decrypt(written) == "254712345678"
        assert Vault([new], SECRET).decrypt(both.rotate(written)) == "254712345678"

    def test_fingerprints_depend_on_purpose_key_and_text(self) -> None:
        vault = Vault([ENCRYPTION_KEY], SECRET)
        marks = {
            vault.fingerprint("phone", "1"),
            vault.fingerprint("phone", "2"),
            vault.fingerprint("checkout", "1"),
            Vault([ENCRYPTION_KEY], SECRET + "x").fingerprint("phone", "1"),
        }
        assert len(marks) == 4
        assert vault.fingerprint("phone", "1") == Vault([ENCRYPTION_KEY], SECRET).fingerprint("phone", "1")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (SubscriberBusy("busy"), 409, "phone_busy"),
        (Throttled("spike"), 503, "provider_busy"),
        (NotSent("no route"), 503, "provider_unreachable"),
        (InvalidToken("token"), 502, "provider_credentials"),
        (Refused("no", error_code="400.002.02"), 502, "provider_refused"),
    ],
)
def test_what_callers_are_told(error, status: int, code: str) -> None:
    told = refusal_for_caller(error, {"paymentId": "p"})
    assert (told.status, told.code, told.details) == (status, code, {"paymentId": "p"})


def test_what_the_record_is_told() -> None:
    assert failure_of(Refused("no", error_code="400.002.02")).code == "400.002.02"
    assert failure_of(OutcomeUnknown("time-out")).code is None
    assert "nothing was sent" in failure_of(NotSent("no route")).reason


def test_not_ready_without_database() -> None:
    env = environment(DATABASE_URL="postgresql+psycopg://nobody@127.0.0.1:1/none")
    runtime = build_runtime(load_settings(env))
    assert unready_because(runtime) == "The database cannot be reached."
    runtime.database.dispose()


def test_not_ready_on_an_empty_database(tmp_path: Path) -> None:
    runtime = build_runtime(load_settings(environment(DATABASE_URL=f"sqlite:///{tmp_path}/empty.db")))
    reason = unready_because(runtime)
    assert reason == f"The schema is at None, not at {SCHEMA_REVISION}: run mpesa migrate."
    runtime.database.dispose()


def test_waits_are_stretched_or_shrunk_by_a_fifth_at_most() -> None:
    runtime = build_runtime(load_settings(environment()))
    drawn = [runtime.jitter() for _ in range(200)]
    assert 0.8 <= min(drawn) < 0.9
    assert 1.1 < max(drawn) <= 1.2
    runtime.database.dispose()


def test_the_clock_is_aware_utc() -> None:
    assert utc_now().utcoffset() == timedelta(0)

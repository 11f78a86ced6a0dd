"""The Daraja token that all processes share."""

from datetime import timedelta

import pytest
from cryptography.fernet import Fernet

from mpesa_service.core.database import Database
from mpesa_service.core.encryption import Encryption
from mpesa_service.core.token_store import DatabaseTokenStore
from mpesa_service.daraja import Token
from tests.support import ENCRYPTION_KEY, SECRET, TestClock


class TestTokenStore:
    @pytest.fixture
    def store(self, database_url: str, clock: TestClock):
        database = Database(database_url)
        yield DatabaseTokenStore(database, Encryption([ENCRYPTION_KEY], SECRET), "app", clock)
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
        other = DatabaseTokenStore(store._database, store._encryption, "app", clock)
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
        other = Encryption([Fernet.generate_key().decode()], SECRET)
        assert DatabaseTokenStore(store._database, other, "app", clock).read() is None

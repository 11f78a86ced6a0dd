"""C2B secrets: random, several valid at once, and revoked by M-Pesa's use of a newer one or by a person."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import requests
import sqlalchemy as sa

from daraja_simulator.server import SimulatorServer
from mpesa_service.c2b import known_secrets
from mpesa_service.c2b.address_secrets import create_secret, list_secrets, revoke_secret, secret_to_register
from mpesa_service.c2b.known_secrets import check_secret
from mpesa_service.c2b.registration import addresses_of
from mpesa_service.core.encryption import token_hash
from mpesa_service.domain.c2b_secrets import GRACE, SecretStatus
from mpesa_service.errors import Conflict, NotFound, Unavailable
from mpesa_service.models import C2bSecret
from tests.c2b.support import c2b_addresses, c2b_body, post_c2b
from tests.support import Listening, Service, start_service
from tests.test_query_counts import counted


def made(service: Service) -> str:
    """Make a secret; return its confirmation address."""
    return addresses_of(service.runtime, create_secret(service.runtime, "amina")).confirmation


def send(url: str, body: Any) -> int:
    return requests.post(url, json=body, timeout=10).status_code


def arrive(service: Service, url: str, receipt: str) -> int:
    return send(url, c2b_body(service, TransID=receipt))


def statuses(service: Service) -> list[SecretStatus]:
    """Return the statuses of all secrets, oldest first."""
    return [one.status(service.clock()) for one in reversed(list_secrets(service.runtime))]


def derived_address(service: Service) -> str:
    """Return the address that versions before the table of secrets registered."""
    secret = service.runtime.encryption.blind_index("c2b", "174379")
    return f"{service.url}/c2b/{secret}/confirmation"


def upgraded(service: Service) -> None:
    """Bring the database to what the migration leaves in one that was in use."""
    with service.runtime.database.begin() as session:
        session.add(C2bSecret(created_by="migration", created_at=service.clock()))


@contextmanager
def away(service: Service) -> Iterator[None]:
    """Take the table away for the block."""
    for old, new in (("c2b_secrets", "gone"), ("gone", "c2b_secrets")):
        with service.runtime.database.begin() as session:
            session.execute(sa.text(f"ALTER TABLE {old} RENAME TO {new}"))
        if new == "gone":
            yield


class TestSecret:
    def test_is_random_and_stored_encrypted_with_a_hash(self, service: Service) -> None:
        found = [create_secret(service.runtime, "amina").text for _ in range(3)]
        assert len(set(found)) == 3
        assert all(len(one) == 64 and int(one, 16) > 0 for one in found)
        with service.runtime.database.read() as session:
            rows = session.scalars(sa.select(C2bSecret).order_by(C2bSecret.id)).all()
        assert [row.secret_hash for row in rows] == [token_hash(one) for one in found]
        assert [service.runtime.encryption.decrypt(row.secret_encrypted or b"") for row in rows] == found
        assert {row.created_by for row in rows} == {"amina"}

    def test_a_new_installation_does_not_accept_the_derived_one(self, service: Service) -> None:
        assert arrive(service, derived_address(service), "UK10000001") == 404
        secret_to_register(service.runtime, "amina")
        assert arrive(service, derived_address(service), "UK10000001") == 404

    def test_the_registration_does_not_make_another_one(self, service: Service) -> None:
        for _ in range(2):
            service.call("POST", "/c2b/register", by="boss", admin=True)
        [only] = list_secrets(service.runtime)
        assert only.created_by == "boss"
        assert only.registered_at is not None

    def test_of_another_shortcode_is_not_ours(self, service: Service) -> None:
        url = made(service)
        with service.runtime.database.begin() as session:
            session.execute(sa.update(C2bSecret).values(shortcode="600000"))
        assert arrive(service, url, "UK10000001") == 404


class TestUpgrade:
    def test_the_derived_one_stays_valid_until_it_is_replaced(self, service: Service) -> None:
        upgraded(service)
        old = derived_address(service)
        assert arrive(service, old, "UK10000001") == 200
        assert c2b_addresses(service).confirmation == old
        new = made(service)
        assert arrive(service, new, "UK10000002") == 200
        assert arrive(service, old, "UK10000003") == 200
        service.clock.advance(GRACE.total_seconds())
        assert arrive(service, old, "UK10000004") == 404
        assert arrive(service, new, "UK10000004") == 200

    def test_it_is_the_first_of_the_list(self, service: Service) -> None:
        upgraded(service)
        made(service)
        assert [one.created_by for one in list_secrets(service.runtime)] == ["amina", "migration"]


class TestRotation:
    def test_the_old_one_stays_valid_while_m_pesa_has_not_used_the_new_one(self, service: Service) -> None:
        old, new = made(service), made(service)
        assert arrive(service, old, "UK10000001") == 200
        service.clock.advance(timedelta(days=90).total_seconds())
        assert arrive(service, old, "UK10000002") == 200
        assert statuses(service) == [SecretStatus.USED, SecretStatus.UNUSED]
        assert arrive(service, new, "UK10000003") == 200
        assert statuses(service) == [SecretStatus.ENDING, SecretStatus.USED]
        service.clock.advance(GRACE.total_seconds() - 1)
        assert arrive(service, old, "UK10000004") == 200
        service.clock.advance(1)
        assert arrive(service, old, "UK10000005") == 404
        assert statuses(service) == [SecretStatus.REVOKED, SecretStatus.USED]

    def test_a_later_use_does_not_extend_the_end(self, service: Service) -> None:
        made(service)
        new = made(service)
        assert arrive(service, new, "UK10000001") == 200
        service.clock.advance(GRACE.total_seconds() / 2)
        assert arrive(service, new, "UK10000002") == 200
        service.clock.advance(GRACE.total_seconds() / 2)
        assert statuses(service) == [SecretStatus.REVOKED, SecretStatus.USED]

    @pytest.mark.parametrize(
        "body", [{}, {"TransID": "UK10000001"}, {"BusinessShortCode": "600000"}], ids=str
    )
    def test_a_persons_test_is_no_use(self, service: Service, body: dict[str, Any]) -> None:
        made(service)
        new = made(service)
        sent = {**c2b_body(service), **body} if "BusinessShortCode" in body else body
        assert send(new, sent) == 200
        assert statuses(service) == [SecretStatus.UNUSED, SecretStatus.UNUSED]

    def test_a_validation_is_no_use(self, service: Service) -> None:
        made(service)
        new = made(service).replace("confirmation", "validation")
        assert send(new, c2b_body(service)) == 200
        assert statuses(service) == [SecretStatus.UNUSED, SecretStatus.UNUSED]

    def test_a_newer_one_that_is_not_used_stays(self, service: Service) -> None:
        _, used, _ = made(service), made(service), made(service)
        assert arrive(service, used, "UK10000001") == 200
        assert statuses(service) == [SecretStatus.ENDING, SecretStatus.USED, SecretStatus.UNUSED]

    def test_an_ending_one_is_not_registered_again(self, service: Service) -> None:
        made(service)
        new = made(service)
        assert arrive(service, new, "UK10000001") == 200
        assert c2b_addresses(service).confirmation == new


class TestRevocation:
    def test_is_at_once_here_and_leaves_who_and_why(self, service: Service) -> None:
        old, new = made(service), made(service)
        assert arrive(service, old, "UK10000001") == 200
        record = revoke_secret(service.runtime, "operator:amina", 1, "the server was stolen")
        assert (record.revoked_by, record.revocation_reason) == ("operator:amina", "the server was stolen")
        service.clock.advance(11)
        for what in ("confirmation", "validation"):
            answer = requests.post(old.replace("confirmation", what), json=c2b_body(service), timeout=10)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
            assert answer.json()["message"] == "There is nothing at this address."
        assert len(service.inbox()) == 1
        assert arrive(service, new, "UK10000002") == 200

    def test_the_last_one_is_kept(self, service: Service) -> None:
        made(service)
        with pytest.raises(Conflict, match="only C2B secret"):
            revoke_secret(service.runtime, "operator:amina", 1, "a leak")

    def test_what_is_ending_is_no_other_one(self, service: Service) -> None:
        made(service)
        new = made(service)
        assert arrive(service, new, "UK10000001") == 200
        with pytest.raises(Conflict, match="only C2B secret"):
            revoke_secret(service.runtime, "operator:amina", 2, "a leak")
        revoke_secret(service.runtime, "operator:amina", 1, "a leak")
        with pytest.raises(Conflict, match="revoked already"):
            revoke_secret(service.runtime, "operator:amina", 1, "a leak")

    def test_an_unknown_one(self, service: Service) -> None:
        with pytest.raises(NotFound, match="no such C2B secret"):
            revoke_secret(service.runtime, "operator:amina", 9, "a leak")


class TestProcesses:
    @pytest.fixture
    def other(
        self, listening: Listening, simulator: SimulatorServer, service: Service, service_env: dict[str, str]
    ) -> Service:
        """A second process on the same database."""
        env = {**service_env, "DATABASE_URL": service.runtime.settings.database_url}
        return start_service(listening, simulator, service.clock, env)

    def arrive(self, service: Service, url: str, receipt: str) -> int:
        path = url.removeprefix(service.url)
        answer = service.app.test_client().post(path, json=c2b_body(service, TransID=receipt))
        return answer.status_code

    def test_a_new_secret_is_known_at_once(self, service: Service, other: Service) -> None:
        for receipt in ("UK10000001", "UK10000002"):
            assert self.arrive(other, made(service), receipt) == 200

    def test_a_revocation_is_known_within_seconds(self, service: Service, other: Service) -> None:
        url, _ = made(service), made(service)
        assert self.arrive(other, url, "UK10000001") == 200
        revoke_secret(service.runtime, "operator:amina", 1, "a leak")
        service.clock.advance(11)
        assert self.arrive(other, url, "UK10000002") == 404

    def test_the_first_use_in_both_processes_ends_the_old_ones_once(
        self, service: Service, other: Service
    ) -> None:
        old, new = made(service), made(service)
        for one, receipt in ((service, "UK10000001"), (other, "UK10000002")):
            assert self.arrive(one, old, receipt) == 200
        assert self.arrive(service, new, "UK10000003") == 200
        first = list_secrets(service.runtime)[1].valid_until
        service.clock.advance(5)
        assert self.arrive(other, new, "UK10000004") == 200
        assert list_secrets(service.runtime)[1].valid_until == first


class TestTheDatabase:
    def test_is_not_asked_for_each_confirmation(self, service: Service) -> None:
        url = made(service)
        assert arrive(service, url, "UK10000001") == 200
        with counted(service) as found:
            assert arrive(service, url, "UK10000002") == 200
        assert not [one for one in found if "c2b_secrets" in one]

    def test_cannot_store_the_first_use_and_the_confirmation_is_taken(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fails(*_: object) -> None:
            raise sa.exc.OperationalError("UPDATE", {}, Exception("no room"))

        old, new = made(service), made(service)
        assert arrive(service, old, "UK10000001") == 200
        with monkeypatch.context() as patched:
            patched.setattr(known_secrets, "mark_used", fails)
            assert arrive(service, new, "UK10000002") == 200
        assert list_secrets(service.runtime)[1].valid_until is None
        assert arrive(service, new, "UK10000003") == 200
        assert list_secrets(service.runtime)[1].valid_until is not None

    def test_is_away_and_the_known_secrets_count(self, service: Service) -> None:
        url = made(service)
        assert arrive(service, url, "UK10000001") == 200
        service.clock.advance(11)
        with away(service):
            known = check_secret(service.runtime, url.split("/")[-2])
            with pytest.raises(Unavailable):
                check_secret(service.runtime, "0" * 64)
        assert known.id == 1


def test_the_api_does_not_show_the_secret(service: Service) -> None:
    """With it, an admin alone could confirm money that never arrived."""
    answer = service.call("POST", "/c2b/register", by="boss", admin=True)
    assert answer.status_code == 200
    secret = c2b_addresses(service).confirmation.split("/")[-2]
    assert secret not in answer.text
    assert post_c2b(service, c2b_body(service)).status_code == 200
    for path in ("/c2b/rules", "/payments", "/callbacks/unread", "/review", "/unmatched", "/pulls"):
        assert secret not in service.call("GET", path, by="boss", admin=True).text

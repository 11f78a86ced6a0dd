"""Pages and batches of payments: whose, which, in what order, and at what price."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from mpesa_service.core.encryption import MASKS_REMEMBERED, Encryption
from mpesa_service.domain.principal import ADMIN, Principal
from mpesa_service.domain.states import PaymentStatus
from mpesa_service.errors import InvalidRequest
from mpesa_service.payments import listing
from mpesa_service.payments.json_rows import EXPORTED, as_json
from mpesa_service.payments.listing import Filters, all_payments, count_payments, list_payments
from mpesa_service.payments.lookup import query_payment
from mpesa_service.payments.schemas import PaymentSchema
from tests.support import ENCRYPTION_KEY, SECRET, Service
from tests.support.many import FIRST, STEP, add_payments, phone_of

SHOP = Principal("shop")
BOSS = Principal("boss", frozenset({ADMIN}))


def found(service: Service, who: Principal = SHOP, limit: int = 100, **filters: Any) -> list[str]:
    return [payment.id for payment in list_payments(service.runtime, who, Filters(**filters), limit).payments]


def statements(service: Service, listen: Any) -> list[str]:
    """Return a list that every statement of the database is added to from now on."""
    seen: list[str] = []

    def note(_c: Any, _cur: Any, statement: str, *_: Any) -> None:
        if statement != "BEGIN":
            seen.append(statement)

    listen(service.runtime.database.engine, "before_cursor_execute", note)
    return seen


class TestPages:
    def test_are_newest_first_and_each_payment_is_on_one(self, service: Service) -> None:
        made = add_payments(service.runtime, 25)
        after, seen, sizes = None, [], []
        while True:
            page = list_payments(service.runtime, SHOP, Filters(), 10, after)
            seen += [payment.id for payment in page.payments]
            sizes.append(len(page.payments))
            after = page.next
            if after is None:
                break
        assert seen == made[::-1]
        assert sizes == [10, 10, 5]

    def test_a_last_page_that_is_full_is_the_last(self, service: Service) -> None:
        add_payments(service.runtime, 10)
        assert list_payments(service.runtime, SHOP, Filters(), 10).next is None

    def test_what_comes_meanwhile_moves_nothing(self, service: Service) -> None:
        made = add_payments(service.runtime, 6)
        page = list_payments(service.runtime, SHOP, Filters(), 3)
        add_payments(service.runtime, 3, start=6)
        rest = list_payments(service.runtime, SHOP, Filters(), 3, page.next)
        assert [payment.id for payment in (*page.payments, *rest.payments)] == made[::-1]

    def test_a_page_is_one_statement_and_so_are_several_statuses(self, service: Service, listen: Any) -> None:
        add_payments(service.runtime, 5)
        seen = statements(service, listen)
        for filters in (Filters(), Filters(frozenset({"pending", "succeeded"})), Filters(phone=phone_of(1))):
            list_payments(service.runtime, SHOP, filters, 3)
            assert len(seen) == 1, seen
            seen.clear()

    def test_a_payment_is_shown_as_everywhere_else(self, service: Service) -> None:
        for number, checkout in enumerate((service.paid("A"), service.pending("B", phone=phone_of(1)))):
            [shown] = list_payments(service.runtime, SHOP, Filters(order_id="AB"[number]), 1).payments
            alone = PaymentSchema().dump(query_payment(service.runtime, SHOP, checkout))
            assert alone.pop("refunds") == []
            assert as_json(shown) == alone
        service.simulator.post("/simulator/script", {"for": "stk_push", "fault": "error_5xx"})
        service.initiate("C", phone=phone_of(2))
        [unknown] = list_payments(service.runtime, SHOP, Filters(order_id="C"), 1).payments
        assert unknown.checkout_request_id is None

    def test_other_providers_payments_have_no_phone(self, service: Service) -> None:
        card = {
            "provider": "stripe",
            "channel": None,
            "stripe_payment_intent_id": "pi_1",
            "checkout_id_encrypted": None,
        }
        own = dict.fromkeys(("phone_encrypted", "phone_hash", "callback_token_hash"))
        [made] = add_payments(service.runtime, 1, lambda _: {**card, **own})
        add_payments(service.runtime, 2, start=1)
        [payment] = list_payments(service.runtime, SHOP, Filters(provider="stripe"), 10).payments
        assert (payment.id, payment.phone, payment.checkout_request_id) == (made, None, None)
        assert len(found(service, provider="mpesa")) == 2

    def test_postgres_plans_each_page_for_its_own_values(self, service: Service) -> None:
        """One plan for all values would read whole tables for rare ones; a rollback forgets plans."""
        if service.runtime.database.is_sqlite:
            pytest.skip("SQLite plans every statement")
        service.runtime.database.dispose()  # so that one connection serves all of this
        for _ in range(12):
            list_payments(service.runtime, SHOP, Filters(), 1)
        with service.runtime.database.engine.connect() as connection:
            names = connection.execute(text("SELECT statement FROM pg_prepared_statements")).scalars()
            assert not [name for name in names if "FROM payments" in name]


class TestWhose:
    @pytest.fixture
    def mixed(self, service: Service) -> list[str]:
        owners = ("shop", "kiosk")
        return add_payments(
            service.runtime,
            8,
            lambda n: {"owner": owners[n % 2], "status": "failed" if n < 4 else "succeeded", "amount": 10},
        )

    def test_users_see_their_own_and_admins_all(self, service: Service, mixed: list[str]) -> None:
        assert found(service) == mixed[::2][::-1]
        assert found(service, Principal("kiosk")) == mixed[1::2][::-1]
        assert found(service, BOSS) == mixed[::-1]
        assert found(service, Principal("stranger")) == []
        assert found(service, Principal("shop' OR '1'='1")) == []

    @pytest.mark.parametrize(
        "filters",
        [
            {"statuses": frozenset({"failed"})},
            {"statuses": frozenset({"failed", "succeeded", "pending"})},
            {"order_id": "ORDER1"},
            {"receipt": "RECEIPT1"},
            {"phone": phone_of(1)},
            {"min_amount": 1},
            {"since": FIRST},
            {"provider": "mpesa"},
        ],
        ids=lambda filters: "-".join(filters),
    )
    def test_no_filter_shows_anothers(self, service: Service, mixed: list[str], filters: Any) -> None:
        theirs = set(mixed[1::2])
        assert theirs & set(found(service, BOSS, **filters))
        assert not theirs & set(found(service, SHOP, **filters))
        batches = all_payments(service.runtime, SHOP, Filters(**filters))
        assert not theirs & {payment[0] for batch in batches for payment in batch}
        assert count_payments(service.runtime, SHOP, Filters(**filters)) == len(found(service, **filters))


class TestFilters:
    @pytest.fixture
    def made(self, service: Service) -> list[str]:
        statuses = list(PaymentStatus)
        phones = {3: phone_of(0)}
        return add_payments(
            service.runtime,
            18,
            lambda n: {"status": statuses[n % 9].value, **({"phone": phones[n]} if n in phones else {})},
        )

    @pytest.mark.parametrize("word", sorted({status.public for status in PaymentStatus}))
    def test_a_status(self, service: Service, made: list[str], word: str) -> None:
        wanted = [made[n] for n in range(18) if list(PaymentStatus)[n % 9].public == word]
        assert found(service, statuses=frozenset({word})) == wanted[::-1]
        assert count_payments(service.runtime, SHOP, Filters(frozenset({word}))) == len(wanted)

    def test_several_statuses_and_all(self, service: Service, made: list[str]) -> None:
        words = frozenset({"pending", "failed", "refunded"})
        wanted = [made[n] for n in range(18) if list(PaymentStatus)[n % 9].public in words]
        assert found(service, statuses=words) == wanted[::-1]
        page = list_payments(service.runtime, SHOP, Filters(words), 3)
        assert [payment.id for payment in page.payments] == wanted[::-1][:3]
        rest = list_payments(service.runtime, SHOP, Filters(words), 100, page.next)
        assert [payment.id for payment in rest.payments] == wanted[::-1][3:]
        assert found(service, statuses=frozenset(status.public for status in PaymentStatus)) == made[::-1]

    def test_times_are_half_open(self, service: Service, made: list[str]) -> None:
        at = [FIRST + n * STEP for n in range(18)]
        assert found(service, since=at[3], until=at[6]) == made[3:6][::-1]
        assert found(service, since=at[16]) == made[16:][::-1]
        assert found(service, until=at[2]) == made[:2][::-1]
        assert found(service, since=at[3] + timedelta(milliseconds=1), until=at[5]) == [made[4]]
        assert found(service, since=at[3] - timedelta(microseconds=1), until=at[4]) == [made[3]]
        assert found(service, since=datetime(1, 1, 1, tzinfo=UTC)) == made[::-1]

    def test_a_page_within_a_time(self, service: Service, made: list[str]) -> None:
        filters = Filters(since=FIRST + 3 * STEP, until=FIRST + 9 * STEP)
        page = list_payments(service.runtime, SHOP, filters, 4)
        rest = list_payments(service.runtime, SHOP, filters, 4, page.next)
        assert [payment.id for payment in (*page.payments, *rest.payments)] == made[3:9][::-1]
        assert rest.next is None

    def test_one_order_receipt_or_phone(self, service: Service, made: list[str]) -> None:
        assert found(service, order_id="ORDER7") == [made[7]]
        assert found(service, order_id="order7") == []
        assert found(service, receipt="RECEIPT7") == [made[7]]
        assert found(service, receipt="RECEIPT7", provider="mpesa") == [made[7]]
        assert found(service, receipt="RECEIPT7", provider="stripe") == []
        assert found(service, phone=phone_of(0)) == [made[3], made[0]]
        assert found(service, phone=phone_of(0), statuses=frozenset({"pending", "review"})) == [made[0]]
        assert found(service, phone=phone_of(0), order_id="ORDER3") == [made[3]]

    def test_amounts(self, service: Service, made: list[str]) -> None:
        assert found(service, min_amount=115) == made[15:][::-1]
        assert found(service, max_amount=101) == made[:2][::-1]
        assert found(service, min_amount=104, max_amount=105) == made[4:6][::-1]
        assert found(service, min_amount=0, statuses=frozenset({"review", "unknown"})) == found(
            service, statuses=frozenset({"review", "unknown"})
        )

    @pytest.mark.parametrize(
        "filters",
        [
            {"since": FIRST, "until": FIRST},
            {"since": FIRST + STEP, "until": FIRST},
            {"min_amount": 2, "max_amount": 1},
        ],
        ids=["instant", "backwards", "amounts"],
    )
    def test_ranges_go_forward(self, service: Service, filters: Any) -> None:
        for search in (found, lambda *_, **f: list(all_payments(service.runtime, SHOP, Filters(**f)))):
            with pytest.raises(InvalidRequest):
                search(service, **filters)


class TestBatches:
    def test_hold_everything_once_newest_first(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(listing, "BATCH", 4)
        made = add_payments(service.runtime, 10)
        batches = list(all_payments(service.runtime, SHOP, Filters()))
        assert [len(batch) for batch in batches] == [4, 4, 2]
        assert [payment[0] for batch in batches for payment in batch] == made[::-1]
        assert count_payments(service.runtime, SHOP, Filters()) == 10
        assert list(all_payments(service.runtime, Principal("nobody"), Filters())) == []

    def test_are_read_one_at_a_time_and_nothing_stays_open(
        self, service: Service, monkeypatch: pytest.MonkeyPatch, listen: Any
    ) -> None:
        monkeypatch.setattr(listing, "BATCH", 2)
        add_payments(service.runtime, 10)
        seen, pool = statements(service, listen), service.runtime.database.engine.pool
        batches = all_payments(service.runtime, SHOP, Filters())
        assert seen == []
        for number in (1, 2):
            next(batches)
            assert len(seen) == number
            assert pool.checkedout() == 0  # type: ignore[attr-defined]
        batches.close()  # type: ignore[attr-defined]
        assert len(seen) == 2

    def test_name_no_phone(self, service: Service) -> None:
        add_payments(service.runtime, 3)
        [batch] = all_payments(service.runtime, SHOP, Filters())
        assert "ws_CO" not in str(batch)
        phone = EXPORTED.index("phoneNumber")
        assert {payment[phone] for payment in batch} == {"254700***002", "254700***001", "254700***000"}


class TestMasks:
    def test_a_number_is_decrypted_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        encryption, calls = Encryption([ENCRYPTION_KEY], SECRET), Counter[bytes]()
        decrypt = encryption.decrypt
        monkeypatch.setattr(encryption, "decrypt", lambda data: calls.update([data]) or decrypt(data))
        first, second = (encryption.encrypt(phone_of(1)) for _ in range(2))
        mark = encryption.blind_index("phone", phone_of(1))
        assert {encryption.masked(first, mark), encryption.masked(second, mark)} == {"254700***001"}
        assert calls == {first: 1}

    def test_so_many_are_remembered_and_no_more(self) -> None:
        encryption = Encryption([ENCRYPTION_KEY], SECRET)
        number = encryption.encrypt(phone_of(1))
        for mark in range(MASKS_REMEMBERED + 1):
            encryption.masked(number, str(mark))
        assert len(encryption._masks) == 1

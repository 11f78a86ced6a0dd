"""The job that queries Daraja about payments that are due."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from mpesa_service.core import daraja_limiter
from mpesa_service.daraja import StkQueryAnswer
from mpesa_service.domain.schedule import CALL_LIMIT
from mpesa_service.models.statements import lock_payment
from mpesa_service.payments import due, reconcile
from tests.payments.support import lose_callbacks, pay, queries
from tests.support import Service


class TestOnSchedule:
    """What the job does when nobody reads."""

    def run(self, service: Service, seconds: float) -> int:
        service.clock.advance(seconds)
        return reconcile.check_due(service.runtime)

    def test_a_lost_callback_is_found_without_anybody_reading(self, service: Service) -> None:
        lose_callbacks(service)
        checkout = service.pending()
        pay(service, checkout)
        assert self.run(service, 29) == 0
        assert self.run(service, 1) == 1
        assert service.row(checkout).status == "succeeded"
        assert self.run(service, 100_000) == 0

    def test_silence_leads_to_unknown_and_then_to_a_person(self, service: Service) -> None:
        service.simulator.post("/simulator/options", {"faults": {"query_forgets": 1}})
        checkout = service.pending()
        seen = []
        for seconds in (30, 30, 30, 30, 180, 600, 2_700, 18_000, 64_800):
            assert self.run(service, seconds) == 1
            seen.append(service.row(checkout).status)
        assert seen == ["pending"] * 4 + ["unknown"] * 4 + ["review"]
        payment = service.payment(checkout)
        assert "never reported" in payment["failureReason"]
        assert [event.cause for event in service.events(payment["_id"])][-2:] == ["timed_out", "unresolved"]
        assert self.run(service, 1_000_000) == 0

    def test_a_push_without_an_id_waits_a_day_for_its_callback_and_then_for_a_person(
        self, service: Service
    ) -> None:
        service.simulator.post("/simulator/script", {"for": "stk_push", "fault": "answer_lost"})
        payment = service.initiate().json["data"]["payment"]["_id"]
        assert self.run(service, 86_399) == 0
        assert self.run(service, 1) == 1
        assert service.row(payment).status == "review"
        assert queries(service) == 0
        [prompt] = service.ledger()["prompts"]
        pay(service, prompt["checkoutRequestId"])
        assert service.row(payment).receipt == service.ledger()["debits"][0]["receipt"]

    def test_a_push_cut_off_by_a_crash_is_unknown_after_90_seconds(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Killed(BaseException):
            pass

        def die(_push: object) -> None:
            raise Killed

        monkeypatch.setattr(service.runtime.daraja, "stk_push", die)
        with pytest.raises(Killed):
            service.initiate()
        assert self.run(service, 89) == 0
        assert self.run(service, 1) == 1
        assert [payment.status for payment in service.payments()] == ["unknown"]
        assert self.run(service, 86_400) == 1
        assert [payment.status for payment in service.payments()] == ["review"]

    def test_a_claim_that_daraja_does_not_confirm_goes_to_a_person_in_the_end(self, service: Service) -> None:
        from tests.callbacks.support import post, stk_body

        service.simulator.post("/simulator/options", {"faults": {"query_forgets": 1}})
        checkout = service.pending()
        url = service.callback_url(checkout)
        service.simulator.post(f"/simulator/prompts/{checkout}/cancel")
        service.clock.advance(100_000)
        post(url, stk_body(service, checkout))
        done = 0
        for _ in range(20):
            done += self.run(service, 43_200)
        assert done == 9
        assert service.row(checkout).status == "review"
        assert "mismatch" in str(service.row(checkout).failure_reason)

    def test_a_strangers_claim_that_daraja_does_not_confirm_is_dropped(self, service: Service) -> None:
        from tests.callbacks.support import plain, post, stk_body

        service.simulator.post("/simulator/options", {"faults": {"query_forgets": 1}})
        checkout = service.pending()
        service.simulator.post(f"/simulator/prompts/{checkout}/cancel")
        post(plain(service), stk_body(service, checkout))
        for _ in range(20):
            self.run(service, 43_200)
        assert service.row(checkout).status == "canceled"
        assert service.row(checkout).next_check_at is None

    def test_a_dispute_over_a_paid_payment_goes_to_a_person_in_the_end(self, service: Service) -> None:
        from tests.callbacks.support import post, stk_body

        checkout = service.paid()
        service.simulator.post("/simulator/options", {"faults": {"query_forgets": 1}})
        post(service.callback_url(checkout), stk_body(service, checkout, ResultCode=1032))
        for _ in range(20):
            self.run(service, 43_200)
        assert service.row(checkout).status == "review"

    def test_a_poisonous_payment_holds_nobody_up(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lose_callbacks(service)
        poisonous = service.pending(order="ORDER1")
        service.clock.advance(1)
        healthy = service.pending(order="ORDER2", phone="254722000001")
        pay(service, healthy)
        real, bad = reconcile._check, service.row(poisonous).id

        def fail_for_one(runtime, lease):
            if lease.payment_id == bad:
                raise RuntimeError("poison")
            return real(runtime, lease)

        monkeypatch.setattr(reconcile, "_check", fail_for_one)
        assert self.run(service, 30) == 2
        assert service.row(healthy).status == "succeeded"
        lease = service.row(poisonous).next_check_at - service.clock()
        assert lease.total_seconds() == 90

    def test_it_stops_at_its_limit(self, service: Service) -> None:
        for number in range(3):
            service.pending(order=f"ORDER{number}", phone=f"25472200000{number}")
        service.clock.advance(30)
        assert reconcile.check_due(service.runtime, limit=2) == 2


class TestBatches:
    """Several are claimed at once, with as many tokens."""

    def pending(self, service: Service, count: int) -> list[str]:
        made = []
        for number in range(count):
            made.append(service.pending(order=f"ORDER{number}", phone=f"2547220000{number:02}"))
            service.clock.advance(0.01)
        service.clock.advance(31)
        object.__setattr__(service.runtime.settings, "mpesa_queries_per_minute", 60)
        return made

    def be_slow(self, service: Service, monkeypatch: pytest.MonkeyPatch, seconds: float) -> list[str]:
        """Let every answer take so long; return the list of those that are queried."""
        real, queried = service.runtime.daraja.stk_query, []

        def slowly(checkout: str) -> StkQueryAnswer:
            queried.append(checkout)
            service.clock.advance(seconds)
            return real(checkout)

        monkeypatch.setattr(service.runtime.daraja, "stk_query", slowly)
        return queried

    def tokens_left(self, service: Service) -> int:
        per_minute = service.runtime.settings.queries_per_minute
        with service.runtime.database.begin() as session:
            next_at = daraja_limiter.lock(session, daraja_limiter.QUERIES, service.clock())
        return daraja_limiter.available(next_at, per_minute, service.clock())

    def test_those_due_longest_are_claimed_as_the_rate_limiter_allows(self, service: Service) -> None:
        checkouts = self.pending(service, 8)
        claimed = due.claim_queryable(service.runtime, 50)
        rows = [service.row(checkout) for checkout in checkouts]
        assert [lease.payment_id for lease in claimed] == [row.id for row in rows[:6]]
        leased = {(row.check_attempts, row.next_check_at - service.clock()) for row in rows[:6]}
        assert leased == {(1, CALL_LIMIT)}
        assert {row.check_attempts for row in rows[6:]} == {0}
        assert due.claim_queryable(service.runtime, 50) == []

    def test_what_is_not_begun_in_time_is_released_with_its_tokens(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lose_callbacks(service)
        checkouts = self.pending(service, 6)
        dates = [service.row(checkout).next_check_at for checkout in checkouts]
        for checkout in checkouts:
            pay(service, checkout)
        queried = self.be_slow(service, monkeypatch, 2.6)
        claimed = due.claim_queryable(service.runtime, 50)
        assert (len(claimed), self.tokens_left(service)) == (6, 0)
        assert reconcile._check_each(service.runtime, claimed) == 2
        assert queried == checkouts[:2]
        assert self.tokens_left(service) == 6, "four were released, one or two came with time"
        rows = [service.row(checkout) for checkout in checkouts]
        assert [row.status for row in rows] == ["succeeded"] * 2 + ["pending"] * 4
        assert [(row.check_attempts, row.next_check_at) for row in rows[2:]] == [(0, at) for at in dates[2:]]
        assert reconcile.check_due(service.runtime) == 4
        assert queried == checkouts

    def test_released_tokens_can_be_acquired_at_once(self, service: Service) -> None:
        self.pending(service, 8)
        claimed = due.claim_queryable(service.runtime, 50)
        assert (len(claimed), self.tokens_left(service)) == (6, 0)
        due.release(service.runtime, claimed[1:])
        assert self.tokens_left(service) == 5
        again = due.claim_queryable(service.runtime, 50)
        assert [lease.payment_id for lease in again] == [lease.payment_id for lease in claimed[1:]]

    def test_a_killed_ones_payments_are_due_again_after_their_lease(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Killed(BaseException):
            pass

        def die(_checkout: str) -> None:
            raise Killed

        checkouts = self.pending(service, 4)
        with monkeypatch.context() as patch:
            patch.setattr(service.runtime.daraja, "stk_query", die)
            with pytest.raises(Killed):
                reconcile.check_due(service.runtime)
        service.clock.advance(89.9)
        assert reconcile.check_due(service.runtime) == 0
        service.clock.advance(0.1)
        assert reconcile.check_due(service.runtime) == 4
        assert {service.row(checkout).check_attempts for checkout in checkouts} == {2}

    def test_no_reader_queries_one_that_waits_for_its_query(self, service: Service) -> None:
        checkouts = self.pending(service, 3)
        claimed = due.claim_queryable(service.runtime, 50)
        service.clock.advance(14.9)
        service.payment(checkouts[2])
        assert queries(service) == 0
        service.clock.advance(0.1)
        service.payment(checkouts[2])
        assert queries(service) == 1
        due.release(service.runtime, claimed)

    def test_many_workers_take_each_once(self, service: Service) -> None:
        self.pending(service, 30)
        object.__setattr__(service.runtime.settings, "mpesa_queries_per_minute", 600)
        with ThreadPoolExecutor(6) as pool:
            futures = [pool.submit(due.claim_queryable, service.runtime, 4) for _ in range(12)]
            claimed = [lease.payment_id for future in futures for lease in future.result(30)]
        assert (len(claimed), len(set(claimed))) == (30, 30)
        assert self.tokens_left(service) == 30

    def test_what_cannot_be_queried_waits_for_no_token(self, service: Service) -> None:
        checkout = service.pending()
        service.simulator.post("/simulator/script", {"for": "stk_push", "fault": "answer_lost"})
        lost = service.initiate("ORDER2", phone="254722000001").json["data"]["payment"]["_id"]
        service.clock.advance(86_400)
        with service.runtime.database.begin() as session:
            daraja_limiter.lock(session, daraja_limiter.QUERIES, service.clock())
            daraja_limiter.store(session, daraja_limiter.QUERIES, service.clock() + timedelta(hours=1))
        assert reconcile.check_due(service.runtime) == 1
        assert (service.row(lost).status, service.row(lost).last_checked_at) == ("review", None)
        assert service.row(checkout).check_attempts == 0

    def test_one_that_cannot_be_decrypted_holds_nobody_up(self, service: Service) -> None:
        spoilt, fine = self.pending(service, 2)
        spoilt_id = service.row(spoilt).id
        with service.runtime.database.begin() as session:
            lock_payment(session, spoilt_id).checkout_id_encrypted = b"rubbish"
        assert reconcile.check_due(service.runtime) == 2
        assert service.row(fine).check_attempts == 1
        assert service.row(spoilt_id).next_check_at == service.clock() + CALL_LIMIT

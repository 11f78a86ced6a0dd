"""The invariants of commands: messages that are not final, and unknown codes in a row."""

from typing import Any

import pytest

from mpesa_service.core import circuit_breaker
from mpesa_service.core.circuit_breaker import UNKNOWN_CODES_IN_A_ROW
from mpesa_service.domain.commands import CommandType
from mpesa_service.verification.payments import verify
from mpesa_service.verification.simulator_ledger import verify_ledger
from tests.payouts.support import made, pay, payouts
from tests.support import Service
from tests.verification.support import change


def found(service: Service, rule: str) -> list[str]:
    return [one.sentence for one in verify(service.runtime) if one.invariant == rule]


class TestAMessageThatIsNotFinal:
    @pytest.fixture
    def refunded(self, service: Service) -> Service:
        """M-Pesa says that the result of a refund follows, and then sends it."""
        checkout = service.paid()
        service.simulator.post("/simulator/options", {"b2c_auto": "pay"})
        service.simulator.post("/simulator/script", {"for": "b2c", "fault": "waiting_first"})
        assert service.refund(checkout, 60).status_code == 200
        service.simulator.post("/simulator/clock/advance", {"seconds": 60})
        return service

    def test_it_is_only_noted(self, refunded: Service) -> None:
        verdicts = [row.verdict for row in refunded.inbox() if row.refund_id]
        assert verdicts == ["noted", "applied"]
        assert found(refunded, "waiting_settles_nothing") == []

    def test_it_has_failed_a_refund(self, refunded: Service) -> None:
        [first, _] = [row for row in refunded.inbox() if row.refund_id]
        change(
            refunded,
            "UPDATE refunds SET status = 'failed'",
            f"UPDATE callback_inbox SET verdict = 'applied' WHERE id = {first.id}",
        )
        sentence = f"a message that is not final was applied (callback {first.post_id})"
        assert found(refunded, "waiting_settles_nothing") == [sentence]

    def test_other_bodies_are_left_out(self, refunded: Service) -> None:
        [first, _] = [row for row in refunded.inbox() if row.refund_id]
        body = refunded.runtime.encryption.encrypt("{}").hex()
        literal = f"x'{body}'" if refunded.runtime.database.is_sqlite else f"'\\x{body}'"
        applied = f"verdict = 'applied', body_encrypted = {literal}"
        change(
            refunded,
            "UPDATE refunds SET status = 'failed'",
            f"UPDATE callback_inbox SET {applied} WHERE id = {first.id}",
        )
        assert found(refunded, "waiting_settles_nothing") == []


@pytest.mark.parametrize("table", ["refunds", "payouts"])
def test_a_command_that_failed_before_mpesa_ended_it(service: Service, table: str) -> None:
    service.simulator.post("/simulator/options", {"b2c_auto": "hold"})
    if table == "refunds":
        assert service.refund(service.paid(), 60).status_code == 200
    else:
        made(service, {"type": "b2c", "phoneNumber": "254722000001", "amount": 60})
        pay(service)
        assert len(payouts(service)) == 1
    assert ledger_sentences(service) == set()
    change(service, f"UPDATE {table} SET status = 'failed'")
    assert any("is failed, but M-Pesa has not ended it" in one for one in ledger_sentences(service))


def ledger_sentences(service: Service) -> set[Any]:
    return {one.sentence for one in verify_ledger(service.runtime, service.ledger(), settled=False)}


def test_unknown_codes_that_suspend_nothing(service: Service) -> None:
    for _ in range(UNKNOWN_CODES_IN_A_ROW):
        with service.runtime.database.begin() as session:
            circuit_breaker.count_unknown(session, CommandType.B2C_PAYOUT, "TP99", service.clock())
    assert found(service, "unknown_codes_suspend") == []
    change(service, "DELETE FROM suspensions")
    sentence = "5 results had the unknown code TP99: not suspended"
    assert found(service, "unknown_codes_suspend") == [sentence]

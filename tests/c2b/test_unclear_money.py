"""C2B money whose body contradicts itself, and money of a payment that a person has failed."""

from sqlalchemy import update

from mpesa_service.c2b.arrivals import ArrivedMoney
from mpesa_service.c2b.book_money import book_money
from mpesa_service.c2b.matching import CONTRADICTORY
from mpesa_service.daraja import PayerKind
from mpesa_service.domain.reports import Evidence
from mpesa_service.models import Payment
from tests.support import PHONE, Service

RECEIPT = "RKL51ZDR4F"


def money(service: Service, *, contradictory: bool = False) -> ArrivedMoney:
    return ArrivedMoney(
        receipt=RECEIPT,
        cents=10_000,
        payer=PHONE,
        payer_kind=PayerKind.PLAIN,
        transacted_at=service.clock(),
        contradictory=contradictory,
    )


def test_money_that_may_be_a_prompts_waits_and_says_that_its_accounts_differ(service: Service) -> None:
    service.pending(amount=100)
    plan = book_money(service.runtime, money(service, contradictory=True), Evidence.CONFIRMATION)
    assert plan.verdict == "noted"
    assert plan.reason.endswith(CONTRADICTORY)


def test_another_source_does_not_support_a_payment_that_a_person_has_failed(service: Service) -> None:
    book_money(service.runtime, money(service), Evidence.PULL)
    with service.runtime.database.begin() as session:
        session.execute(update(Payment).values(status="failed", version=2))
    assert book_money(service.runtime, money(service), Evidence.STATEMENT).verdict == "duplicate"
    assert [(one.status, one.evidence) for one in service.payments()] == [("failed", "pull")]

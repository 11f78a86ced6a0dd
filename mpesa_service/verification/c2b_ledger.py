"""The invariants that compare C2B money with the simulator's own ledger, exact to the cent."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import func, select

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.callbacks import CallbackKind
from mpesa_service.domain.counting import counted
from mpesa_service.domain.moments import local_text
from mpesa_service.domain.money import CENTS, shillings
from mpesa_service.models import C2bConfirmation, CallbackInbox, Payment
from mpesa_service.models.payments import Provider
from mpesa_service.verification.common import BATCH, Json, Tally, Violation

CONFIRMATION = "c2b_confirmation"
ANSWERED = 200
C2B = "c2b"
"""The kind of a debit that belongs to no prompt."""
SAME_TIME = timedelta(minutes=1)
"""The largest difference between the ledger's time and a time that M-Pesa stated: it writes seconds."""


def verify_c2b_in_ledger(
    runtime: Runtime, payload: Json, *, settled: bool, tally: Tally
) -> Iterator[Violation]:
    """Yield every violation that the ledger shows.

    `settled` means that no result is outstanding: then every payment of the ledger is known here. Before
    that, a confirmation may still be on its way.
    """
    sent = [item for item in payload["callbacks"] if item["kind"] == CONFIRMATION]
    answered = [item["body"] for item in sent if item["status"] == ANSWERED]
    yield from _all_stored(runtime, len(answered))
    receipts = sorted({body["TransID"] for body in answered})
    for start in range(0, len(receipts), BATCH):
        yield from _all_known(runtime, receipts[start : start + BATCH])
    debits = {debit["receipt"]: debit for debit in payload["debits"]}
    yield from money_is_known(runtime, debits, settled=settled, tally=tally)
    yield from money_exists(runtime, debits)


def _all_stored(runtime: Runtime, answered: int) -> Iterator[Violation]:
    """Every confirmation that was answered 200 is in the inbox. They all go to one address."""
    of_kind = select(func.count()).where(CallbackInbox.kind == CallbackKind.C2B_CONFIRMATION)
    with runtime.database.read() as session:
        stored = session.scalar(of_kind) or 0
    if stored < answered:
        many = counted(answered, "confirmation was", "confirmations were")
        sentence = f"{many} answered 200, {stored} are in the inbox"
        yield Violation("answered_is_stored", "confirmations", sentence)


def _all_known(runtime: Runtime, receipts: Sequence[str]) -> Iterator[Violation]:
    with runtime.database.read() as session:
        known = set(
            session.scalars(select(C2bConfirmation.receipt).where(C2bConfirmation.receipt.in_(receipts)))
        )
    for receipt in receipts:
        if receipt not in known:
            sentence = "this confirmation was answered 200, but is not stored"
            yield Violation("confirmations_are_booked", receipt, sentence)


def money_is_known(
    runtime: Runtime, debits: Mapping[str, Json], *, settled: bool, tally: Tally
) -> Iterator[Violation]:
    """Every C2B payment of the ledger is known here, with its exact amount and M-Pesa's time.

    Its receipt is that of a payment, or of a fractional amount, which is listed and is no payment.
    """
    receipts = sorted(debits)
    for start in range(0, len(receipts), BATCH):
        page = receipts[start : start + BATCH]
        reported, booked = _reported(runtime, page), _booked(runtime, page)
        for receipt in page:
            debit = debits[receipt]
            of_c2b = debit["kind"] == C2B
            if of_c2b:
                tally.counts["C2B debits"] += 1
            faults = list(_amount_faults(debit, reported.get(receipt)))
            faults += _time_faults(debit, booked.get(receipt))
            if of_c2b and settled and receipt not in booked and receipt not in reported:
                paid = shillings(_cents(debit))
                faults.append(f"the customer paid {paid} shillings, and nothing here has this receipt")
            yield from (Violation(money_is_known.__name__, receipt, fault) for fault in faults)


def money_exists(runtime: Runtime, debits: Mapping[str, Json]) -> Iterator[Violation]:
    """All C2B money that is stored here was paid: the ledger has its receipt."""
    after = 0
    while True:
        page = select(C2bConfirmation.id, C2bConfirmation.receipt).where(C2bConfirmation.id > after)
        with runtime.database.read() as session:
            rows = session.execute(page.order_by(C2bConfirmation.id).limit(BATCH)).all()
        if not rows:
            return
        after = rows[-1].id
        for _, receipt in rows:
            if receipt not in debits:
                yield Violation(money_exists.__name__, receipt, "it is stored here, but no customer paid it")


def _amount_faults(debit: Json, reported: int | None) -> Iterator[str]:
    if reported is not None and reported != _cents(debit):
        paid = shillings(_cents(debit))
        yield f"the customer paid {paid} shillings, but {shillings(reported)} are stored"


def _time_faults(debit: Json, stated: tuple[datetime, str] | None) -> Iterator[str]:
    if stated is None:
        return
    at, source = stated
    moved = datetime.fromisoformat(debit["at"])
    if abs(at - moved) > SAME_TIME:
        yield f"its time of payment is {local_text(at)} by {source}, but the money moved {local_text(moved)}"


def _reported(runtime: Runtime, receipts: Sequence[str]) -> dict[str, int]:
    """Return the stored amounts by receipt, in cents."""
    columns = select(C2bConfirmation.receipt, C2bConfirmation.amount_cents)
    with runtime.database.read() as session:
        rows = session.execute(columns.where(C2bConfirmation.receipt.in_(receipts)))
        return {row.receipt: row.amount_cents for row in rows}


def _booked(runtime: Runtime, receipts: Sequence[str]) -> dict[str, tuple[datetime, str] | None]:
    """Return the payments by receipt: M-Pesa's time and its source, or None if it stated none."""
    columns = select(Payment.receipt, Payment.paid_at, Payment.paid_at_source)
    ours = columns.where(Payment.provider == Provider.MPESA, Payment.receipt.in_(receipts))
    with runtime.database.read() as session:
        rows = session.execute(ours).all()
    return {receipt: None if at is None else (at, str(source)) for receipt, at, source in rows if receipt}


def _cents(debit: Json) -> int:
    return int(Decimal(str(debit["amount"])) * CENTS)

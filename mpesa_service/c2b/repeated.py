"""What another report of a known receipt changes: it books nothing, but it may raise the evidence.

It also fills what the first source left out: a masked or missing payer, the names, the account, the time.
What is decided stays: money that has an order keeps it. Money that waits for a person, and whose account is
known only now, is matched again. A report of another amount sends the payment to review, whichever came
first. A confirmation that names another account than the first one is a discrepancy: a person closes it.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import select

from mpesa_service.c2b.arrivals import ArrivedMoney, typed_reference
from mpesa_service.c2b.booking import account_columns, full_number, payer_columns, send_to_review
from mpesa_service.c2b.matching import TABLE, Confirmation
from mpesa_service.core.encryption import Encryption
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import PayerKind, payer_matches
from mpesa_service.domain.audit import MPESA, Cause
from mpesa_service.domain.callbacks import InboxVerdict
from mpesa_service.domain.changes import PaymentChange
from mpesa_service.domain.discrepancies import DiscrepancyKind, opened_event
from mpesa_service.domain.money import shillings
from mpesa_service.domain.orders import reference_key
from mpesa_service.domain.paid_at import believed_of, columns_of_time
from mpesa_service.domain.plans import LogLine, NewRow, Plan, Update
from mpesa_service.domain.references import new_id
from mpesa_service.domain.reports import Evidence
from mpesa_service.domain.states import PAID, PaymentStatus
from mpesa_service.models import Discrepancy
from mpesa_service.models.load import About, load
from mpesa_service.models.payments import Channel

AMOUNT_DIFFERS = "the first report with this receipt had another amount"
VALUES_DIFFER = "the first one with this receipt had other values"
KNOWN = "its receipt is known"
FILLED = "its receipt is known, and it names what was missing"
_PLAIN = ("transaction_type", "transacted_at", "names_encrypted", "bill_reference_encrypted")


def repeated_plan(
    runtime: Runtime, known: Confirmation, money: ArrivedMoney, columns: Mapping[str, Any]
) -> Plan:
    """Return the plan of money whose receipt is known. `columns` are those of this report as a row."""
    row, evidence = known.columns, Evidence(columns["source"])
    if (reason := _difference(runtime.encryption, row, columns)) is not None:
        detail = {"payment_id": row["payment_id"], "source": str(evidence), "reason": reason}
        line = LogLine(__name__, logging.WARNING, "money differs from what is known", detail)
        plan = Plan(InboxVerdict.DISPUTED, reason, row["payment_id"], log=(line,))
        if reason == VALUES_DIFFER:
            return _with_account_discrepancy(runtime, plan, known, columns)
        again = row["disputed_cents"] == columns["amount_cents"]
        return plan if again else _disputed_plan(runtime, known, columns, plan)
    missing = _missing(runtime.encryption, row, money, columns)
    if not missing and evidence == row["source"]:
        return Plan(InboxVerdict.DUPLICATE, KNOWN, row["payment_id"])
    plan = _payment_plan(runtime, known, money, evidence, missing)
    if not missing:
        return plan
    if "bill_reference_encrypted" in missing and row["fractional_id"] is None:
        missing["retry_at"] = runtime.clock()
    # Somebody else may book the row at this moment: then all is read again.
    update = Update(TABLE, {"id": known.row_id, "payment_id": row["payment_id"]}, missing)
    return replace(plan, reason=FILLED, updates=(*plan.updates, update))


def _disputed_plan(runtime: Runtime, known: Confirmation, columns: Mapping[str, Any], plan: Plan) -> Plan:
    """Send the payment to review: two sources name different amounts. Each other amount does so once."""
    where = {"id": known.row_id, "disputed_cents": known.columns["disputed_cents"]}
    update = Update(TABLE, where, {"disputed_cents": columns["amount_cents"]})
    with runtime.database.reading() as connection:
        facts = load(connection, About(id=plan.payment_id)) if plan.payment_id else None
    if facts is None or facts.receipt != columns["receipt"]:
        return replace(plan, updates=(update,))
    amounts = {"source": columns["source"], "otherCents": columns["amount_cents"]}
    cause = Cause(MPESA, runtime.clock(), Evidence(columns["source"]), amounts)
    first, other = (shillings(one["amount_cents"]) for one in (known.columns, columns))
    reason = f"M-Pesa reported {first} for its receipt {facts.receipt} at first, and {other} later"
    change = PaymentChange(facts)
    send_to_review(change, reason, cause)
    changed = change.plan(plan.verdict, plan.reason)
    return replace(changed, updates=(*changed.updates, update), log=(*plan.log, *changed.log))


def _with_account_discrepancy(
    runtime: Runtime, plan: Plan, known: Confirmation, columns: Mapping[str, Any]
) -> Plan:
    """Return the plan that reports another account to a person, once for each account. The money stays."""
    other, receipt = columns["bill_reference_encrypted"], columns["receipt"]
    key = reference_key(typed_reference(runtime.encryption, other))
    subject = runtime.encryption.blind_index("typed", f"{receipt} {key}")
    statement = select(Discrepancy.id).where(
        Discrepancy.kind == DiscrepancyKind.ACCOUNT, Discrepancy.subject == subject
    )
    with runtime.database.read() as session:
        if session.scalar(statement) is not None:
            return plan
    values = {
        "id": new_id(runtime.clock()),
        "kind": DiscrepancyKind.ACCOUNT,
        "subject": subject,
        "receipt": receipt,
        "amount_cents": columns["amount_cents"],
        "resource_id": known.columns["payment_id"],
        "account_encrypted": other,
        "created_at": runtime.clock(),
    }
    row = NewRow("discrepancies", values)
    return replace(plan, rows=(*plan.rows, row), events=(*plan.events, opened_event(values)))


def _difference(encryption: Encryption, row: Mapping[str, Any], columns: Mapping[str, Any]) -> str | None:
    """Return why a report disagrees with the stored one, or None. Only a copy must name the same account."""
    if row["amount_cents"] != columns["amount_cents"]:
        return AMOUNT_DIFFERS
    if not row["source"] == columns["source"] == Evidence.CONFIRMATION:
        return None
    stored, named = (typed_reference(encryption, one["bill_reference_encrypted"]) for one in (row, columns))
    return None if stored == named else VALUES_DIFFER


def _missing(
    encryption: Encryption, row: Mapping[str, Any], money: ArrivedMoney, columns: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the columns that the stored report lacks and this one has."""
    found = {name: columns[name] for name in _PLAIN if columns[name] and not row[name]}
    if _names_more(encryption, row, money):
        found |= {name: columns[name] for name in ("payer_encrypted", "payer_kind")}
    return found


def _names_more(encryption: Encryption, row: Mapping[str, Any], money: ArrivedMoney) -> bool:
    """Return whether a report names the payer where none is known, or in full where only a mask is known."""
    if not row["payer_encrypted"]:
        return bool(money.payer)
    kind = PayerKind(row["payer_kind"])
    number = full_number(money.payer or "", money.payer_kind)
    if number is None or kind is PayerKind.PLAIN:
        return False
    return payer_matches(encryption.decrypt(row["payer_encrypted"]), kind, number) is True


def _payment_plan(
    runtime: Runtime,
    known: Confirmation,
    money: ArrivedMoney,
    evidence: Evidence,
    missing: Mapping[str, Any],
) -> Plan:
    """Return what changes at the payment that has the money."""
    payment_id, now = known.columns["payment_id"], runtime.clock()
    if payment_id is None:
        return Plan(InboxVerdict.DUPLICATE, KNOWN)
    with runtime.database.reading() as connection:
        facts = load(connection, About(id=payment_id))
    if facts is None or facts.receipt != money.receipt:
        return Plan(InboxVerdict.DUPLICATE, KNOWN, payment_id)
    change = PaymentChange(facts)
    if facts.status in PAID | {PaymentStatus.REVIEW}:
        stated = believed_of(facts.payment, money.transacted_at, evidence, now)
        columns = columns_of_time(facts.payment, stated, evidence)
        change.support(Cause(MPESA, now, evidence, {"reason": KNOWN}), **columns)
    if facts.payment["channel"] == Channel.C2B:
        if "payer_encrypted" in missing:
            change.set(**payer_columns(runtime, money.payer or "", money.payer_kind))
        if "bill_reference_encrypted" in missing:
            typed = typed_reference(runtime.encryption, missing["bill_reference_encrypted"])
            change.set(**account_columns(runtime, typed))
    if not change.changed():
        return Plan(InboxVerdict.DUPLICATE, KNOWN, payment_id)
    change.touch(now)
    return change.plan(InboxVerdict.DUPLICATE, KNOWN)

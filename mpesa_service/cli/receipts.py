"""Operator command for a receipt in hand: mpesa receipts book"""

import json

import click
from flask.cli import AppGroup

from mpesa_service.c2b.receipts import book_answer, book_receipt
from mpesa_service.cli.options import as_json, by, echo_json, operator
from mpesa_service.core.idempotency import Answer
from mpesa_service.inquiries.request import InquiryRecord, find_inquiry, wait_for
from mpesa_service.inquiries.schemas import InquirySchema, parse_receipt
from mpesa_service.web.blueprint import runtime

WAIT_SECONDS = 60
receipts_cli = AppGroup("receipts", help="Receipts of money that M-Pesa received.")
_SENTENCES = {
    "wanted": "M-Pesa has not answered yet. Run the command again, or: mpesa status {receipt}",
    "booked": "Booked as payment {payment}.",
    "unmatched": "Booked as unmatched money. {reason}{next}",
    "waiting": "It is stored, and is matched within ten minutes.",
    "known": "Booked before, as payment {payment}.",
    "disputed": "Not booked again: {reason}. See payment {payment}.",
    "refused": "Not booked: {reason}{retry}",
}
_UNKNOWN = "does not know this receipt"
_RETRY = (
    "\nNext: compare the receipt with the customer's message, and run the command again in a few minutes. Or"
    " import the portal's statement of that day: mpesa statements import FILE --by NAME"
)
_MATCH = "\nIt is payment {0}. Next: mpesa unmatched match {0} ORDER --by NAME --reason …"
_BAD = ("disputed", "refused")


@receipts_cli.command("book")
@click.argument("receipt")
@click.option("--no-wait", is_flag=True, help="Do not wait. The answer is booked when it arrives.")
@by
@as_json
def book(receipt: str, no_wait: bool, who: str, as_json: bool) -> None:
    """Query M-Pesa about a receipt, and book exactly what M-Pesa says, once.

    The money goes to the order that M-Pesa's answer names; most answers name no account, so the money is
    unmatched unless a prompt of ours fits.

    Example: mpesa receipts book UKN2ABCDEF --by amina
    """
    answer = book_receipt(runtime(), operator(who).subject, parse_receipt(receipt), _id)
    record = find_inquiry(runtime(), json.loads(answer.body))
    if not no_wait:
        if record.completed_at is None:
            click.echo(f"Waiting for M-Pesa's answer, at most {WAIT_SECONDS} seconds.", err=True)
        wait_for(runtime(), record, WAIT_SECONDS)
        book_answer(runtime(), record.id)
        record = find_inquiry(runtime(), record.id)
    if as_json:
        echo_json(InquirySchema().dump(record))
    else:
        click.echo(_sentence(record))
    if record.booking in _BAD:
        raise SystemExit(1)


def _id(record: InquiryRecord) -> Answer:
    return Answer(200, json.dumps(record.id).encode())


def _sentence(record: InquiryRecord) -> str:
    words = _SENTENCES[record.booking or "wanted"]
    facts = {"receipt": record.receipt, "payment": record.payment_id, "reason": record.booking_reason or ""}
    facts["next"] = _MATCH.format(record.payment_id) if record.payment_id else ""
    facts["retry"] = _RETRY if _UNKNOWN in (record.booking_reason or "") else ""
    return words.format(**facts)

"""Pull Transactions: the registration of a shortcode, and the rows of money that it received.

Shapes: Safaricom's portal page, SDK samples, and an answer that was captured in production (2026). Rows come
in a list in a list, in one list, or not at all. Code 1001 means "no row", and also "this shortcode is not
provisioned". The portal says HTTP 500 for no row. `TotalPages` may be missing, and the id of the answer has
two names.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from mpesa_service.daraja.answers import AnswerReader
from mpesa_service.daraja.c2b_callbacks import PayerKind, payer_kind_of
from mpesa_service.daraja.checks import check_msisdn, check_url
from mpesa_service.daraja.credentials import NAIROBI
from mpesa_service.daraja.errors import DarajaError, Refused
from mpesa_service.daraja.values import (
    normalize_code,
    read_amount,
    read_cut_text,
    read_moment,
    read_receipt,
    read_text,
)
from mpesa_service.daraja.verdicts import DarajaAnswer, scrub
from mpesa_service.domain.moments import can_be_stored

PULL_REGISTER_PATH = "/pulltransactions/v1/register"
PULL_QUERY_PATH = "/pulltransactions/v1/query"
FOUND, NOTHING = "1000", "1001"
TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
Z_IS_NAIROBI = True
"""`trxDate` ends in Z, but is taken as Nairobi time: no source says which of the two it is."""
NO_NAME = "MPESA"
"""What `sender` contains instead of a name (observed)."""
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2}):(\d{2})(?:\.\d+)?Z?")
_NOTHING_WORDS = ("no records found", "no record found")


@dataclass(frozen=True, kw_only=True)
class PullRegistration:
    """Registers a shortcode for pulls. The number must be the one in the portal: Organization, Details."""

    shortcode: str
    nominated_number: str = field(repr=False)
    callback_url: str = field(repr=False)

    def __post_init__(self) -> None:
        check_msisdn(self.nominated_number)
        check_url("callback_url", self.callback_url)


@dataclass(frozen=True, kw_only=True)
class PullRegistered:
    """The answer to a registration. `already`: the shortcode was registered before."""

    already: bool
    description: str


@dataclass(frozen=True, kw_only=True)
class PullQuery:
    """One page of the money that a shortcode received from `start` to `end` (aware). `offset` counts rows."""

    shortcode: str
    start: datetime
    end: datetime
    offset: int = 0

    def body(self) -> dict[str, object]:
        """Return the request's body; its times are Nairobi times."""
        start, end = (at.astimezone(NAIROBI).strftime(TIME_FORMAT) for at in (self.start, self.end))
        return {
            "ShortCode": self.shortcode,
            "StartDate": start,
            "EndDate": end,
            "OffSetValue": str(self.offset),
        }


@dataclass(frozen=True, kw_only=True)
class PullRow:
    """Money that arrived. `payer` is a whole or a masked number; `transacted_at` is aware."""

    receipt: str
    amount: Decimal
    transacted_at: datetime | None
    payer: str | None = field(repr=False)
    payer_kind: PayerKind
    sender: str | None = field(repr=False)
    transaction_type: str
    bill_reference: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class PullPage:
    """One answer. `unreadable` are rows without a receipt or an amount, as they came.

    `code` is 1001 if there is no row or the shortcode is not provisioned. `total_pages` may be None.
    """

    code: str
    message: str
    rows: tuple[PullRow, ...] = field(repr=False)
    unreadable: tuple[object, ...] = field(default=(), repr=False)
    total_pages: int | None = None

    @property
    def size(self) -> int:
        """How many rows the page has, readable or not."""
        return len(self.rows) + len(self.unreadable)


def read_pull_registration(operation: str, answer: DarajaAnswer) -> PullRegistered:
    """Read the answer to a registration. 1001 means that the shortcode was registered before (documented)."""
    reader = AnswerReader(operation, answer)
    value = reader.body.get("ResponseStatus", reader.body.get("ResponseCode"))
    code, description = normalize_code(value), scrub(reader.text("ResponseDescription"))
    already = code == NOTHING or "already" in description.lower()
    if not already and code not in {FOUND, "0"}:
        raise reader.refused(Refused, code) if code else reader.unknown("ResponseStatus is missing")
    return PullRegistered(already=already, description=description)


def read_pull_page(operation: str, answer: DarajaAnswer) -> PullPage:
    """Read one page. Raises Refused for another code than found and nothing, and OutcomeUnknown."""
    reader = AnswerReader(operation, answer)
    code = reader.code()
    message = scrub(reader.text("ResponseMessage") or reader.text("ResponseDescription"))
    rows: list[PullRow] = []
    unreadable: list[object] = []
    for item in _items(reader.body.get("Response")):
        row = _row(item) if isinstance(item, dict) else None
        if row is None:
            unreadable.append(item)
        else:
            rows.append(row)
    if code not in {FOUND, NOTHING, "0"} and not rows:
        raise reader.refused(Refused, code) if code else reader.unknown("ResponseCode is missing")
    total = read_text(reader.body.get("TotalPages"))
    return PullPage(
        code=code or FOUND,
        message=message,
        rows=tuple(rows),
        unreadable=tuple(unreadable),
        total_pages=int(total) if total and total.isdecimal() and len(total) < 7 else None,
    )


def page_of_error(error: DarajaError) -> PullPage | None:
    """Return the empty page that an error stands for, or None. The portal says HTTP 500 for no row."""
    message = error.error_message or str(error)
    if any(words in message.lower() for words in _NOTHING_WORDS):
        return PullPage(code=NOTHING, message=message, rows=())
    return None


def _items(value: object) -> Iterator[object]:
    """Yield the rows of a list, of a list in a list, or of one object that stands alone."""
    if isinstance(value, list):
        for item in value:
            yield from _items(item)
    elif value is not None and value != "":
        yield value


def _row(item: Mapping[str, object]) -> PullRow | None:
    known = {key.lower(): value for key, value in item.items()}
    receipt, amount = read_receipt(known.get("transactionid")), read_amount(known.get("amount"))
    if receipt is None or amount is None or amount <= 0 or amount * 100 != int(amount * 100):
        return None
    payer, sender = read_text(known.get("msisdn")), read_text(known.get("sender"))
    return PullRow(
        receipt=receipt,
        amount=amount,
        transacted_at=_moment(known.get("trxdate")),
        payer=payer,
        payer_kind=payer_kind_of(payer),
        sender=None if sender is None or sender.upper() == NO_NAME else sender,
        transaction_type=read_cut_text(known.get("transactiontype")),
        bill_reference=read_cut_text(known.get("billreference")),
    )


def _moment(value: object) -> datetime | None:
    found = _DATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return read_moment(value)
    try:
        parts = [int(part) for part in found.groups()]
        local = datetime(*parts, tzinfo=NAIROBI if Z_IS_NAIROBI else UTC)  # type: ignore[arg-type,misc]
    except ValueError:
        return None
    return local.astimezone(UTC) if can_be_stored(local) else None

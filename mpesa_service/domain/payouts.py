"""The rules of payouts: for one row, and for all rows of a batch together.

All faults are reported, not only the first one: a person who corrects a file of ten thousand rows needs all
of them.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from mpesa_service.domain.commands import PayoutType
from mpesa_service.domain.money import typed_shillings
from mpesa_service.domain.phones import normalize_msisdn
from mpesa_service.errors import InvalidAmount, InvalidPhone

Choice = TypeVar("Choice", bound=StrEnum)

MAX_ROWS = 10_000
REPEATED = "Row {} pays the same amount to the same party. Set allowDuplicates if that is intended."
REMARKS = "Payment"
REMARKS_LIMITS = (2, 100)
"""Characters that Daraja accepts (documented for B2C)."""
B2B_REFERENCE_LIMIT = 13
"""Characters that a business payment accepts as AccountReference (documented)."""
OWN_REFERENCE_LIMIT = 20
"""Characters of a payee's reference, which only the service uses."""

FIELDS = frozenset(
    {"type", "phoneNumber", "businessNumber", "amount", "accountReference", "remarks", "command"}
)
TO_PHONES = frozenset({PayoutType.B2C, PayoutType.B2POCHI})
CHANGED = (
    "was changed by a spreadsheet, into a date, a formula's error or another value. Make its column text, and"
    " type it again."
)
SHORTENED = "was shortened by a spreadsheet. Make its column text, and type all of its digits again."
_SHORTENED = re.compile(r"\d(?:[.,]\d+)?E\+\d+", re.ASCII | re.IGNORECASE)
"""A long number as a narrow cell shows it: `2.54712E+11`. People write `1E5`, without the plus."""
_BUSINESS_NUMBER = re.compile(r"\d{5,7}", re.ASCII)


class PayoutPurpose(StrEnum):
    """The purpose of a B2C payout. M-Pesa's tariff and the receiver's message depend on it."""

    SALARY = "SalaryPayment"
    BUSINESS = "BusinessPayment"
    PROMOTION = "PromotionPayment"


class LongRow(dict[str, object]):
    """A row that has more cells than the file has named columns."""


class ChangedCell(str):
    """A cell of a file that nobody typed as it is: a date, a truth value, or the error of a formula."""

    __slots__ = ()


@dataclass(frozen=True)
class PayoutTerms:
    """The limits of a payout, in whole shillings, and the business numbers of the service itself."""

    least: int
    most: int
    own_numbers: frozenset[str] = frozenset()


@dataclass(frozen=True)
class PayoutRow:
    """A valid row. `party` is a phone as 254XXXXXXXXX, or a pay bill or till number."""

    number: int
    type: PayoutType
    party: str
    amount: int
    account_reference: str | None
    remarks: str
    command: PayoutPurpose | None

    @property
    def to_phone(self) -> bool:
        return self.type in TO_PHONES


@dataclass(frozen=True)
class RowFault:
    """A fault in one field of one row. Its sentence contains no phone or account number."""

    row: int
    field: str
    message: str


def read_rows(
    rows: Iterable[tuple[int, object]], terms: PayoutTerms, *, allow_duplicates: bool
) -> tuple[list[PayoutRow], list[RowFault]]:
    """Return the valid rows (number and fields of each), and every fault of the other rows.

    The same amount to the same party twice is a fault unless duplicates are allowed: a salary that is twice
    in a file is a frequent mistake. A business with another account reference is another party. If there are
    more than MAX_ROWS rows, the first row too many is reported, and the rows after it are not read.
    """
    good: list[PayoutRow] = []
    faults: list[RowFault] = []
    first: dict[tuple[object, ...], int] = {}
    for place, (number, fields) in enumerate(rows):
        if place == MAX_ROWS:
            faults.append(RowFault(number, "row", f"exceeds the limit: a batch has at most {MAX_ROWS} rows."))
            break
        row, found = read_row(number, fields, terms)
        faults += found
        if row is None:
            continue
        good.append(row)
        account = None if row.to_phone else row.account_reference
        earlier = first.setdefault((row.type, row.party, row.amount, account), number)
        if earlier != number and not allow_duplicates:
            field = "phoneNumber" if row.to_phone else "businessNumber"
            faults.append(RowFault(number, field, REPEATED.format(earlier)))
    return good, faults


def read_row(number: int, fields: object, terms: PayoutTerms) -> tuple[PayoutRow | None, list[RowFault]]:
    """Return a valid row, or None, and its faults."""
    if not isinstance(fields, Mapping):
        return None, [RowFault(number, "row", "must be an object.")]
    reader = _Reader(number, fields, terms)
    kind = reader.type()
    amount, remarks = reader.amount(), reader.remarks()
    party = reader.party(kind) if kind else ""
    reference = reader.account_reference(kind) if kind else None
    command = reader.command(kind) if kind else None
    reader.refuse_other_fields()
    if kind is None or reader.faults:
        return None, reader.faults
    return PayoutRow(number, kind, party, amount, reference, remarks, command), []


class _Reader:
    """Reads the fields of one row, and collects its faults."""

    def __init__(self, number: int, fields: Mapping[str, object], terms: PayoutTerms) -> None:
        self._number, self._fields, self._terms = number, fields, terms
        self.faults: list[RowFault] = []

    def _fault(self, field: str, message: str) -> None:
        self.faults.append(RowFault(self._number, field, message))

    def _word(self, field: str, words: type[Choice], default: Choice | None = None) -> Choice | None:
        value = self._fields.get(field)
        if value is None and default is not None:
            return default
        for word in words:
            if value == word:
                return word
        self._fault(field, f"must be one of {', '.join(words)}.")
        return None

    def _is_damaged(self, field: str) -> bool:
        """Report a value that a spreadsheet has damaged."""
        value = self._fields.get(field)
        if isinstance(value, ChangedCell):
            self._fault(field, CHANGED)
        elif isinstance(value, str) and _SHORTENED.fullmatch(value.strip()):
            self._fault(field, SHORTENED)
        else:
            return False
        return True

    def type(self) -> PayoutType | None:
        return self._word("type", PayoutType)

    def command(self, kind: PayoutType) -> PayoutPurpose | None:
        if kind is not PayoutType.B2C:
            self._refuse("command", kind)
            return None
        return self._word("command", PayoutPurpose, PayoutPurpose.BUSINESS)

    def amount(self) -> int:
        if self._is_damaged("amount"):
            return 0
        value, terms = typed_shillings(self._fields.get("amount")), self._terms
        if value is None:
            self._fault("amount", InvalidAmount.message)
            return 0
        if not terms.least <= value <= terms.most:
            self._fault("amount", f"must be {terms.least} to {terms.most} shillings.")
        return value

    def remarks(self) -> str:
        if self._fields.get("remarks") is None:
            return REMARKS
        return self._line("remarks", *REMARKS_LIMITS)

    def party(self, kind: PayoutType) -> str:
        if kind not in TO_PHONES:
            self._refuse("phoneNumber", kind)
            return self._business_number()
        self._refuse("businessNumber", kind)
        if self._is_damaged("phoneNumber"):
            return ""
        try:
            return normalize_msisdn(self._text("phoneNumber"))
        except InvalidPhone as error:
            self._fault("phoneNumber", error.message)
            return ""

    def _business_number(self) -> str:
        if self._is_damaged("businessNumber"):
            return ""
        text = self._text("businessNumber")
        if not _BUSINESS_NUMBER.fullmatch(text):
            self._fault("businessNumber", "must be 5 to 7 digits.")
        if text in self._terms.own_numbers:
            self._fault("businessNumber", "is this service's own number.")
        return text

    def _text(self, field: str) -> str:
        value = self._fields.get(field)
        return value.strip() if isinstance(value, str) else ""

    def account_reference(self, kind: PayoutType) -> str | None:
        if self._fields.get("accountReference") is None and kind is not PayoutType.PAYBILL:
            return None
        most = OWN_REFERENCE_LIMIT if kind in TO_PHONES else B2B_REFERENCE_LIMIT
        return self._line("accountReference", 1, most)

    def _line(self, field: str, least: int, most: int) -> str:
        """Read a line of text without control characters and without unpaired surrogates."""
        if self._is_damaged(field):
            return ""
        text = self._text(field)
        if not least <= len(text) <= most or not text.isprintable():
            self._fault(field, f"must be a text of {least} to {most} characters on one line.")
        return text

    def _refuse(self, field: str, kind: PayoutType) -> None:
        if self._fields.get(field) is not None:
            self._fault(field, f"is not allowed for the type {kind}.")

    def refuse_other_fields(self) -> None:
        for field in self._fields:
            if field not in FIELDS:
                self._fault(str(field)[:64], "is not a field of a payout.")
        if isinstance(self._fields, LongRow):
            self._fault("row", "has more cells than the file has columns.")

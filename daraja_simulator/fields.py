"""Reads the fields of a request as Daraja does: the error names the first invalid field.

The limits are those of the portal. It is unknown what Daraja does with fractional amounts and texts that are
too long. The simulator refuses them, so that an error shows during development.
"""

import re
from datetime import datetime
from urllib.parse import urlsplit

from daraja_simulator.errors import DarajaError, invalid_field
from daraja_simulator.money import Money, parse_money
from daraja_simulator.wire import SUBSCRIBER, Json

MAX_AMOUNT = 250_000
MAX_BILL_REFERENCE = 20

_SHORTCODE = re.compile(r"[0-9]{5,7}")
_TIMESTAMP = re.compile(r"[0-9]{14}")
_WHOLE = re.compile(r"[0-9]{1,9}")
_WHOLE_SHILLINGS = "it must be whole shillings, such as 100"
_TIME = "it must be a time as yyyyMMddHHmmss"


class Fields:
    """A request's body. Every method raises DarajaError 400.002.02, which names the field."""

    def __init__(self, body: Json) -> None:
        self._body = body

    def text(self, name: str, most: int, least: int = 1) -> str:
        """Return a printable text of `least` to `most` characters. A number counts as its digits."""
        value = self._body.get(name, "")
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise self._invalid(name, "it must be a text or a whole number")
        text = str(value)
        if not least <= len(text) <= most:
            raise self._invalid(name, f"it must have {least} to {most} characters and has {len(text)}")
        if not text.isprintable():
            raise self._invalid(name, "it must be printable")
        return text

    def optional(self, name: str, most: int) -> str:
        """Return a text. A missing or null field counts as empty."""
        return "" if self._body.get(name) is None else self.text(name, most, 0)

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        """Return one of the allowed texts."""
        value = self._body.get(name)
        if not isinstance(value, str) or value not in allowed:
            raise self._invalid(name, f"it must be {' or '.join(allowed)}")
        return value

    def shortcode(self, name: str) -> str:
        """Return five to seven digits."""
        return self._matching(name, _SHORTCODE, "it must have five to seven digits")

    def msisdn(self, name: str) -> str:
        """Return twelve digits: 2547… or 2541…."""
        return self._matching(name, SUBSCRIBER, "it must be 2547XXXXXXXX or 2541XXXXXXXX")

    def amount(self, name: str = "Amount") -> int:
        """Return whole shillings from 1 to 250,000."""
        amount = int(self._matching(name, _WHOLE, _WHOLE_SHILLINGS))
        self._check_amount(name, amount)
        return amount

    def exact_amount(self, name: str = "Amount") -> Money:
        """Return shillings with at most two decimals, from 1 to 250,000."""
        amount = parse_money(self._body.get(name))
        if amount is None:
            raise self._invalid(name, "it must be shillings with at most two decimals")
        self._check_amount(name, amount)
        return amount

    def timestamp(self, name: str = "Timestamp") -> str:
        """Return yyyyMMddHHmmss. Old timestamps are valid, because no refusal by Daraja is known."""
        text = self._matching(name, _TIMESTAMP, _TIME)
        try:
            datetime.strptime(text, "%Y%m%d%H%M%S")  # noqa: DTZ007 (only the format is checked)
        except ValueError:
            raise self._invalid(name, _TIME) from None
        return text

    def url(self, name: str) -> str:
        """Return an http or https URL. Its host need not exist."""
        text = self.text(name, 2000)
        try:
            parts = urlsplit(text)
            valid = parts.scheme in ("http", "https") and parts.hostname and " " not in text
            valid = valid and parts.port != 0
        except ValueError:
            valid = False
        if not valid:
            raise self._invalid(name, "it must be an http or https address")
        return text

    def _matching(self, name: str, pattern: re.Pattern[str], limit: str) -> str:
        text = self.text(name, 64)
        if not pattern.fullmatch(text):
            raise self._invalid(name, limit)
        return text

    def _check_amount(self, name: str, amount: Money) -> None:
        if amount < 1:
            raise self._invalid(name, "the least amount is 1")
        if amount > MAX_AMOUNT:
            raise self._invalid(name, f"the largest amount is {MAX_AMOUNT}")

    def _invalid(self, name: str, limit: str) -> DarajaError:
        return invalid_field(name, self._body.get(name), limit)

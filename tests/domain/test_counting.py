"""Numbers with their nouns."""

import re
from pathlib import Path

import pytest

import mpesa_service
from mpesa_service.domain.counting import counted

PLURALS = "shillings|rows|events|refunds|payouts|payments|lines|callbacks|confirmations|times|pulls|batches"
AFTER_A_NUMBER = re.compile(rf"\{{[^{{}}\"]+\}} (?:{PLURALS})\b")
FILES = sorted(Path(mpesa_service.__file__).parent.rglob("*.py"))
ALWAYS_SEVERAL = {
    "{LARGEST_ORDER} shillings",
    "{MAX_ROWS} rows",
    "{terms.most} shillings",
    "{available} shillings",
    "{paid} shillings",
    "{shillings(cents)} shillings",
    "{short.due} shillings",
    "{shown} shillings",
    "{shillings(proven)} shillings",
    "{runtime.settings.mpesa_transaction_limit} shillings",
    "{count} events",
    "{record.amount} shillings",
}
"""Limits, counts of at least two, and texts such as `1.00 shillings`."""


@pytest.mark.parametrize(
    ("number", "words", "text"),
    [
        (0, ("pull",), "0 pulls"),
        (1, ("pull",), "1 pull"),
        (2, ("batch", "batches"), "2 batches"),
        (1, ("agrees", "agree"), "1 agrees"),
        (1500, ("shilling",), "1,500 shillings"),
    ],
)
def test_counted(number: int, words: tuple[str, ...], text: str) -> None:
    assert counted(number, *words) == text


def test_no_message_has_a_plural_after_a_number_that_may_be_one() -> None:
    found = {hit for file in FILES for hit in AFTER_A_NUMBER.findall(file.read_text())}
    assert found <= ALWAYS_SEVERAL

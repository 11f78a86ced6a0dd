"""Log lines contain no personal data and no secrets, but the texts that operators search for."""

import json
import logging
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pytest
from flask import Flask, g
from hypothesis import given
from hypothesis import strategies as st

from mpesa_service.core import log_format
from mpesa_service.core.log_format import RedactingFormatter, redact
from tests.core.log_lines import line_of


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "Passkey",
        "SecurityCredential",
        "security_credential",
        "access_token",
        "token",
        "Authorization",
    ],
)
def test_a_field_with_a_sensitive_name_is_hidden(name: str) -> None:
    found = json.loads(
        line_of(outer={name: "canary", "list": [{name: ["canary"]}]}, **{f"the_{name}": "canary"})
    )
    assert "canary" not in json.dumps(found)
    assert found["outer"][name] == "***"


def test_numbers_are_hidden_as_integers_too() -> None:
    found = json.loads(line_of(payer=254712345678, body={"Value": 254712345678}, amount=100))
    assert (found["payer"], found["body"], found["amount"]) == ("25471***78", {"Value": "25471***78"}, 100)


def test_values_keep_their_type() -> None:
    values = {"none": None, "yes": True, "whole": 7, "part": 0.712345678, "list": [1, None, False]}
    found = json.loads(line_of(**values))
    assert {name: found[name] for name in values} == values


class Awkward:
    def __str__(self) -> str:
        return "awkward"


@pytest.mark.parametrize(
    ("message", "extra"),
    [
        ("two\nlines", {}),
        ('quotes " and \\ and \x00 and \x1b[31m', {}),
        ("unpaired \ud800", {"reason": "\udfff"}),
        ("čeština 😀", {}),
        ("floats", {"a": float("nan"), "b": float("inf"), "c": [float("-inf")]}),
        ("odd", {"a": {1, 2}, "b": b"\xff\xfe", "c": object(), "d": Awkward(), "e": datetime.now(UTC)}),
        ("odd keys", {"a": {1: 2, None: 3, (1, 2): 4}}),
        ({"a": "dict", "phone": "254712345678"}, {}),
        (Awkward(), {}),
        (None, {}),
    ],
)
def test_every_line_is_one_line_of_valid_json(message: object, extra: dict[str, Any]) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    line = line_of(message, **extra)
    assert "\n" not in line
    assert line.isascii()
    found = json.loads(line, parse_constant=refuse)
    assert (found["level"], found["logger"]) == ("INFO", "mpesa_service.test")
    assert datetime.fromisoformat(found["timestamp"]).tzinfo is not None
    assert "712345678" not in line


@given(
    st.text(),
    st.recursive(st.none() | st.booleans() | st.floats() | st.text() | st.binary(), st.lists, max_leaves=5),
)
def test_any_text_gives_valid_json(message: str, extra: object) -> None:
    assert json.loads(line_of("%s", message, anything=extra))["logger"] == "mpesa_service.test"


@given(st.one_of(st.from_regex(log_format._HARMLESS, fullmatch=True), st.text("wsWS_coCOeyJ.", max_size=20)))
def test_what_is_let_through_as_harmless_is(text: str) -> None:
    hidden = text
    for pattern, replacement in log_format._PATTERNS:
        hidden = pattern.sub(replacement, hidden)
    assert redact(text) == hidden


class Unhashable(str):
    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]


def test_any_kind_of_text_is_redacted() -> None:
    assert json.loads(line_of(reason=Unhashable("254712345678")))["reason"] == "25471***78"


def test_redaction_of_long_texts_is_quick() -> None:
    """A body of 64 kB that is all digits, dots or quotes must not stop the worker."""
    for text in (
        "0" * 65_536,
        "1" * 65_536,
        "0712 345 " * 7_000,
        "password='" * 6_000,
        "eyJ." * 16_000,
        "token\\" * 10_000,
    ):
        began = datetime.now(UTC)
        redact(text)
        assert (datetime.now(UTC) - began).total_seconds() < 2


def test_the_request_id_is_in_every_line_of_a_request() -> None:
    app = Flask("test")
    with app.test_request_context():
        g.request_id = "abcdef0123456789"
        assert json.loads(line_of())["request_id"] == "abcdef0123456789"
    assert "request_id" not in json.loads(line_of())


@pytest.fixture
def bare_loggers(monkeypatch: pytest.MonkeyPatch) -> logging.Logger:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    yield root
    logging.getLogger("mpesa_service").setLevel(logging.NOTSET)


def test_configuring_twice_adds_one_handler(bare_loggers: logging.Logger) -> None:
    log_format.configure("INFO")
    log_format.configure("WARNING")
    ours = [h for h in bare_loggers.handlers if isinstance(h.formatter, RedactingFormatter)]
    assert len(ours) == 1
    assert logging.getLogger("mpesa_service").level == logging.WARNING


def test_what_is_logged_goes_to_standard_error(
    bare_loggers: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    log_format.configure("INFO")
    logging.getLogger("mpesa_service.audit").info("paid by %s", "254712345678", extra={"payment_id": "67ab"})
    captured = capsys.readouterr()
    found = json.loads(captured.err)
    assert (found["message"], found["payment_id"]) == ("paid by 25471***78", "67ab")
    assert captured.out == ""


def test_debug_lines_of_libraries_are_not_turned_on(bare_loggers: logging.Logger) -> None:
    log_format.configure("DEBUG")
    assert not logging.getLogger("urllib3").isEnabledFor(logging.DEBUG)
    assert not logging.getLogger("sqlalchemy.engine").isEnabledFor(logging.INFO)


class Odd(StrEnum):
    NUMBER = "254712345678"
    WORD = "paid"


@pytest.mark.parametrize("word", list(Odd), ids=str)
def test_a_word_of_an_enum_is_hidden_as_its_text_is(word: Odd) -> None:
    assert redact(word) == redact(word.value)
    assert type(redact(word)) is str


def test_a_string_that_is_equal_to_another_is_looked_at_itself() -> None:
    class Alike(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return hash("paid")

        def __str__(self) -> str:
            return "paid"

    redact("paid")
    assert redact(Alike("254712345678")) == redact("254712345678")

"""Log lines that follow a commit."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mpesa_service.core.log_format import write_lines
from mpesa_service.domain.plans import LogLine

NAME = "mpesa_service.test_lines"


def line(message: str, /, level: int = logging.INFO, **extra: object) -> LogLine:
    return LogLine(NAME, level, message, extra)


@contextmanager
def filtered(which: str) -> Iterator[None]:
    """Let a filter raise on the line with this message."""

    def raise_on_it(record: logging.LogRecord) -> bool:
        return bool(1 / (record.msg != which))

    logger = logging.getLogger(NAME)
    logger.addFilter(raise_on_it)
    yield
    logger.removeFilter(raise_on_it)


def test_lines_keep_their_order_level_and_extra(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, NAME)
    write_lines([line("one", payment_id="p1"), line("two", logging.WARNING), line("three", logging.DEBUG)])
    assert [(record.name, record.levelname, record.message) for record in caplog.records] == [
        (NAME, "INFO", "one"),
        (NAME, "WARNING", "two"),
    ]
    assert vars(caplog.records[0])["payment_id"] == "p1"


def test_a_filter_that_raises_stops_neither_the_caller_nor_other_lines(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with filtered("two"):
        write_lines(map(line, ("one", "two", "three")))
    assert [record.message for record in caplog.records] == ["one", "three"]
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_line_that_cannot_be_a_record_stops_nothing(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lines([line("one", message="a name that the library keeps"), line("two")])
    assert [record.message for record in caplog.records] == ["two"]
    assert "KeyError" in capsys.readouterr().err


def test_a_line_that_cannot_be_written_anywhere_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr("sys.stderr", closed)
    written: list[str] = []
    monkeypatch.setattr(logging.getLogger(NAME), "handle", lambda record: written.append(record.msg))
    write_lines([line("one", message="a name that the library keeps"), line("two")])
    assert written == ["two"]

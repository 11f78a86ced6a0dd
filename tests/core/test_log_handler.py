"""Lines are written whole and in order, and a line that cannot be written causes no error."""

import io
import json
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mpesa_service.core.log_format import LineHandler, RedactingFormatter, in_one_write


def record_of(message: object = "hello", **extra: Any) -> logging.LogRecord:
    logger = logging.getLogger("mpesa_service.test")
    return logger.makeRecord(logger.name, logging.INFO, __file__, 1, message, (), None, extra=extra)


class TestLineHandler:
    def test_threads_do_not_mix_their_lines(self, tmp_path: Path) -> None:
        with (tmp_path / "log").open("w") as file, ThreadPoolExecutor(8) as pool:
            handler = LineHandler(file)
            handler.setFormatter(RedactingFormatter())
            list(pool.map(lambda n: handler.handle(record_of(number=n, filling="x" * n * 10)), range(400)))
        lines = (tmp_path / "log").read_text().splitlines()
        assert sorted(json.loads(line)["number"] for line in lines) == list(range(400))

    def test_a_line_is_there_when_the_call_returns(self, tmp_path: Path) -> None:
        with (tmp_path / "log").open("w") as file:
            LineHandler(file).handle(record_of("asante \ud800"))
            assert (tmp_path / "log").read_text() == "asante \\ud800\n"

    def test_a_full_pipe_takes_a_long_line_in_parts(self) -> None:
        reading, writing = os.pipe()
        with (
            os.fdopen(reading, "rb") as reader,
            os.fdopen(writing, "w") as file,
            ThreadPoolExecutor(1) as pool,
        ):
            written = pool.submit(LineHandler(file).handle, record_of("x" * 300_000))
            assert reader.readline() == b"x" * 300_000 + b"\n"
            assert written.result(timeout=10)

    @pytest.mark.parametrize("error", [AttributeError, OSError, ValueError])
    def test_what_is_no_file_is_written_to(
        self, error: type[Exception], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        raw = io.BytesIO()
        text = io.TextIOWrapper(io.BufferedWriter(raw))  # type: ignore[type-var]

        def fileno() -> int:
            raise error

        monkeypatch.setattr(text, "fileno", fileno)
        LineHandler(text).handle(record_of("hello"))
        assert raw.getvalue() == b"hello\n"

    @pytest.mark.parametrize("answer", [False, record_of("another")])
    def test_filters_are_applied(self, answer: object) -> None:
        text = io.StringIO()
        handler = LineHandler(text)
        handler.filter = lambda _: answer  # type: ignore[assignment, method-assign, return-value]
        assert handler.handle(record_of("hello")) is bool(answer)
        assert text.getvalue() == ("another\n" if answer else "")

    def test_a_line_that_cannot_be_written_raises_nothing(self, capsys: pytest.CaptureFixture[str]) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "w") as file:
            LineHandler(file).handle(record_of("hello"))
        assert "BrokenPipeError" in capsys.readouterr().err


class TestInOneWrite:
    def test_lines_come_at_the_end_and_in_their_order(self) -> None:
        text = io.StringIO()
        handler = LineHandler(text)
        with in_one_write():
            handler.handle(record_of("one"))
            handler.handle(record_of("two"))
            assert text.getvalue() == ""
        assert text.getvalue() == "one\ntwo\n"
        handler.handle(record_of("three"))
        assert text.getvalue() == "one\ntwo\nthree\n"

    def test_lines_are_not_lost_with_what_fails(self) -> None:
        text = io.StringIO()

        def fail() -> None:
            with in_one_write():
                LineHandler(text).handle(record_of("before"))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert text.getvalue() == "before\n"

    def test_other_threads_do_not_wait(self) -> None:
        text = io.StringIO()
        with in_one_write(), ThreadPoolExecutor(1) as pool:
            assert pool.submit(LineHandler(text).handle, record_of("other")).result()
            assert text.getvalue() == "other\n"

    def test_one_within_another_writes_its_own(self) -> None:
        text = io.StringIO()
        handler = LineHandler(text)
        with in_one_write():
            handler.handle(record_of("outer"))
            with in_one_write():
                handler.handle(record_of("inner"))
            assert text.getvalue() == "inner\n"
        assert text.getvalue() == "inner\nouter\n"

    def test_every_stream_has_its_own(self) -> None:
        texts = [io.StringIO() for _ in range(2)]
        with in_one_write():
            for number, text in enumerate(texts):
                LineHandler(text).handle(record_of(str(number)))
        assert [text.getvalue() for text in texts] == ["0\n", "1\n"]

    def test_a_stream_that_is_gone_stops_nothing(self, capsys: pytest.CaptureFixture[str]) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "w") as file, in_one_write():
            LineHandler(file).handle(record_of("hello"))
        assert "BrokenPipeError" in capsys.readouterr().err

    def test_many_lines_to_a_slow_pipe_are_not_cut_by_others(self) -> None:
        """More than a pipe holds, while another thread writes: each line arrives whole."""
        reading, writing = os.pipe()
        with os.fdopen(reading, "rb") as reader, os.fdopen(writing, "w") as file:
            handler = LineHandler(file)

            def batches() -> None:
                for _ in range(20):
                    with in_one_write():
                        for _ in range(200):
                            handler.handle(record_of("a" * 340))

            def singles() -> None:
                for _ in range(4_000):
                    handler.handle(record_of("b" * 340))

            with ThreadPoolExecutor(2) as pool:
                written = [pool.submit(batches), pool.submit(singles)]
                lines = {reader.readline() for _ in range(8_000)}
            assert [one.result() for one in written] == [None, None]
        assert lines == {b"a" * 340 + b"\n", b"b" * 340 + b"\n"}

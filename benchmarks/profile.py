"""Counts the Python function calls and SQL statements of one request, which do not depend on the machine.

    python -m benchmarks.profile            a table of all paths beside their floors
    python -m benchmarks.profile settle     and the functions of one, the most time first

The application is called in this process, without gunicorn in front.
"""

import argparse
import cProfile
import io
import os
import pstats
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psycopg
from flask import Flask
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, event

from benchmarks import floors, seed, stub
from benchmarks.paths.callbacks import callbacks, raw_posts
from benchmarks.paths.initiate import initiates
from benchmarks.postgres import Postgres, migrate
from benchmarks.service import bearer, environment, runtime_of, token_of
from benchmarks.wire import request
from mpesa_service.app import build_app
from mpesa_service.config import load_settings
from mpesa_service.core.database import Database

COUNT = 60
PATHS = ("settle", "duplicate", "initiate", "status")
FLOORS = ("floor callback", "floor initiate", "floor status")


@dataclass(frozen=True)
class Case:
    """An application and the requests that it gets."""

    name: str
    app: Flask
    requests: Sequence[bytes]
    floor: str = ""


def main(names: Sequence[str]) -> None:
    """Print the table, and the functions of each named path."""
    with Postgres() as postgres, tempfile.TemporaryDirectory() as logs, stub.start(Path(logs)) as daraja:
        url = postgres.database("profile")
        migrate(url)
        env = environment(url, daraja.port)
        runtime = runtime_of(env)
        pending = seed.new_pending(2 * COUNT)
        with postgres.connect("profile") as connection:
            seed.store(connection, runtime.encryption, pending)
        with redirect_stderr(io.StringIO()):
            service = build_app(load_settings(env), runtime)
            floor = _floor(url, env)
            headers = bearer(token_of(env))
            ids = [one.payment_id for one in pending]
            status = [request("GET", f"/api/mpesa/query/{one}", headers=headers) for one in ids]
            bare = [request("GET", f"/status/{one}", headers=headers) for one in ids]
            count = len(pending)
            cases = (
                Case("floor callback", floor, raw_posts(pending)),
                Case("settle", service, callbacks(pending), "floor callback"),
                Case("duplicate", service, callbacks(pending), "floor callback"),
                Case("floor initiate", floor, initiates(count, headers, "/initiate")),
                Case("initiate", service, initiates(count, headers), "floor initiate"),
                Case("floor status", floor, bare),
                Case("status", service, status, "floor status"),
            )
            statements: list[str] = []
            with counted(runtime.database.engine, statements):
                found = {case.name: _profile(case, statements) for case in cases}
        runtime.database.dispose()
    _show(cases, found)
    for name in names:
        print(found[name][2])
        print("\n".join(line.split("\n")[0][:140] for line in found[name][3]))


def _floor(url: str, env: dict[str, str]) -> Flask:
    os.environ.update(env, WEB_THREADS="2", FLOOR_DATABASE_URL=url, FLOOR_READ_URL=url)
    os.environ["FLOOR_DARAJA_URL"] = env["MPESA_BASE_URL"]
    database = Database(url)
    floors.metadata.create_all(database.engine)
    database.dispose()
    return floors.create_app()


@contextmanager
def counted(engine: Engine, statements: list[str]) -> Iterator[None]:
    """Add every statement that a connection of the engine executes in the block to `statements`.

    The cursors of psycopg count, because not every statement goes through SQLAlchemy.
    """

    class CountingCursor(psycopg.Cursor[Any]):
        def execute(self, query: Any, *arguments: Any, **options: Any) -> Self:
            statements.append(" ".join(str(query).split()))
            return super().execute(query, *arguments, **options)

    def count(connection: Any, *_: Any) -> None:
        connection.cursor_factory = CountingCursor

    event.listen(engine, "checkout", count)
    yield
    event.remove(engine, "checkout", count)


def _profile(case: Case, statements: list[str]) -> tuple[float, float, str, list[str]]:
    """Return calls and statements per request, the functions as text, and the statements of one request."""
    for raw in case.requests[:COUNT]:
        call(case.app, raw)
    statements.clear()
    profile = cProfile.Profile()
    profile.enable()
    for raw in case.requests[COUNT:]:
        call(case.app, raw)
    profile.disable()
    text = io.StringIO()
    stats = pstats.Stats(profile, stream=text).strip_dirs()
    stats.sort_stats("calls").print_stats(40)
    stats.sort_stats("cumulative").print_stats(120)
    count = len(case.requests) - COUNT
    each = len(statements) // count
    return _calls(stats) / count, len(statements) / count, text.getvalue(), statements[:each]


def _calls(stats: pstats.Stats) -> float:
    return float(stats.total_calls)  # type: ignore[attr-defined]


def call(app: Callable[..., Any], raw: bytes) -> bytes:
    """Call a WSGI application with a request; raise RuntimeError unless the response is 2xx."""
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "SERVER_NAME": "benchmark",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
    }
    for line in lines:
        name, _, value = line.partition(": ")
        key = name.upper().replace("-", "_")
        environ[key if key.startswith("CONTENT_") else f"HTTP_{key}"] = value
    statuses: list[str] = []
    answer = b"".join(app(environ, lambda status, _headers, _error=None: statuses.append(status)))
    if not statuses[0].startswith("2"):
        raise RuntimeError(f"{method} {path}: {statuses[0]} {answer!r}")
    return answer


def _show(cases: Sequence[Case], found: dict[str, tuple[float, float, str, list[str]]]) -> None:
    table = Table("path", "calls", "statements", "calls to the floor's")
    for case in cases:
        calls, statements = found[case.name][:2]
        ratio = f"{calls / found[case.floor][0]:.2f}" if case.floor else ""
        table.add_row(case.name, f"{calls:.0f}", f"{statements:g}" if case.floor else "", ratio)
    Console().print(table)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="path", help=f"show its functions: {', '.join(PATHS)}")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - {*PATHS, *FLOORS}:
        parser.error(f"no such path: {', '.join(sorted(unknown))}. There are {', '.join(PATHS)}.")
    return arguments


if __name__ == "__main__":
    main(_arguments().names)

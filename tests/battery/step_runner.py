"""A warm process that forks one child a run: each does one step of the service and is killed on its way.

It builds what the children need, but opens no connection and starts no thread itself, so forking is safe.
Requests and answers are lines of JSON on standard input and output.
"""

import json
import logging
import os
import sys
import traceback
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from flask import Flask

from mpesa_service.app import build_app
from mpesa_service.config import load_settings
from mpesa_service.core.runtime import Runtime, build_runtime
from mpesa_service.jobs.table import JOBS
from tests.battery.tracer import Tracer
from tests.support import TestClock


@dataclass
class Step:
    """One step: a job by name, or a request to the service's own API."""

    env: dict[str, str]
    now: str
    stop_at: int
    job: str | None = None
    path: str = ""
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Ended:
    """How a child ended: killed at the last of its points, or well, with an HTTP status if it has one."""

    killed: bool
    code: int
    points: list[str]

    @property
    def last(self) -> str:
        return self.points[-1] if self.points else "nothing"


@cache
def built(env: str) -> tuple[TestClock, Runtime, Flask]:
    """Return the service with this environment, written as JSON."""
    settings, clock = load_settings(json.loads(env)), TestClock()
    runtime = build_runtime(settings, clock, jitter=lambda: 1.0)
    return clock, runtime, build_app(settings, runtime)


def perform(step: Step, output: int) -> int:
    """Do the step in this process; return 0 when it went well."""
    clock, runtime, app = built(json.dumps(step.env))
    clock.now = datetime.fromisoformat(step.now)
    Tracer(step.stop_at, output).watch(runtime.database)
    if step.job:
        next(job for job in JOBS if job.name == step.job).work(runtime)
        return 0
    answer = app.test_client().post(step.path, data=step.body, headers=step.headers)
    return 0 if answer.status_code < 300 else 1


def fork(step: Step) -> Ended:
    built(json.dumps(step.env))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 2
        try:
            code = perform(step, writer)
        except BaseException:  # noqa: BLE001 (reported, and the exit code says it)
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as output:
        points = output.read().splitlines()
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status)
    return Ended(killed, 0 if killed else os.WEXITSTATUS(status), points)


def main() -> None:
    logging.disable(logging.INFO)
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        print(json.dumps(asdict(fork(Step(**request)))), flush=True)


if __name__ == "__main__":
    main()

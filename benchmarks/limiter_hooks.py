"""Measures what flask-limiter's hooks around every request cost a settling callback.

    python -m benchmarks.limiter_hooks

Two applications of one process, one with the hooks and one without, alternate. The figure is
the median of the rounds' ratios of CPU time. It takes about half a minute.
"""

import io
import time
from contextlib import redirect_stderr
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from flask import Flask
from flask_limiter import Limiter

from benchmarks import seed, stub
from benchmarks.paths.callbacks import callbacks
from benchmarks.postgres import Postgres, migrate
from benchmarks.profile import call
from benchmarks.service import environment, runtime_of
from mpesa_service.app import build_app
from mpesa_service.config import load_settings

ROUNDS = 40
EACH = 50
"""Callbacks of one application in a round."""


def main() -> None:
    """Measure, and print the median ratio."""
    with Postgres() as postgres, TemporaryDirectory() as logs, stub.start(Path(logs)) as daraja:
        url = postgres.database("hooks")
        migrate(url)
        env = environment(url, daraja.port)
        runtime = runtime_of(env)
        pending = seed.new_pending(2 * EACH * (ROUNDS + 1))
        with postgres.connect("hooks") as connection:
            seed.store(connection, runtime.encryption, pending)
        with redirect_stderr(io.StringIO()):
            plain, hooked = (build_app(load_settings(env), runtime) for _ in range(2))
            _add_hooks(hooked)
            posts = callbacks(pending)
            found = [_round(plain, hooked, posts[start:]) for start in range(0, 2 * EACH * ROUNDS, 2 * EACH)]
        runtime.database.dispose()
    ratios = sorted(with_hooks / without for without, with_hooks in found)
    print(f"{median(without for without, _ in found):.0f} µs of CPU without the hooks")
    print(f"{median(with_hooks for _, with_hooks in found):.0f} µs with them")
    lower, upper = ratios[ROUNDS // 4], ratios[3 * ROUNDS // 4]
    print(f"ratio {median(ratios):.3f}, quartiles {lower:.3f} and {upper:.3f}")


def _add_hooks(app: Flask) -> None:
    """Bind a limiter as the library does it, with a filter that exempts every request: its cheapest use."""
    app.extensions.pop("limiter")
    limiter = Limiter(lambda: "")
    limiter.request_filter(lambda: True)
    limiter.init_app(app)


def _round(plain: Flask, hooked: Flask, posts: list[bytes]) -> tuple[float, float]:
    return _cpu_us(plain, posts[:EACH]), _cpu_us(hooked, posts[EACH : 2 * EACH])


def _cpu_us(app: Flask, posts: list[bytes]) -> float:
    before = time.process_time()
    for post in posts:
        call(app, post)
    return (time.process_time() - before) / len(posts) * 1e6


if __name__ == "__main__":
    main()

"""The command line: `run`, `demo` and `demo-day`."""

import argparse
import errno
import io
import os
import random
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from devtools.day.plan import Size
from devtools.day.run import demo_day
from devtools.demo import demo
from devtools.errors import DevtoolsError
from devtools.fault_scenario import FaultSettings
from devtools.paths import ROOT, LocalPaths
from devtools.run import run

_RUN = "Start simulator, service and worker, print tokens and curl lines, and run until Ctrl-C."
_RUN_EPILOG = """\
environment:
  PORT, SIMULATOR_PORT   the same as --port and --simulator-port
  DATABASE_URL           a database to use instead of the SQLite file in the directory
  JWT_SECRET_KEY, PHONE_ENCRYPTION_KEYS, PHONE_HASH_KEY
                         secrets to use instead of those in local.env
  The service also receives every other setting (LOG_LEVEL, RATELIMIT_DEFAULT ...).
"""

_DEMO = """\
Take one payment and refund it, step by step. An order service (examples/order_service.py) receives the
webhooks. The demo uses the service that `run` runs on these ports. Without one, it starts its own on
free ports and removes it at the end. With --lost or --doubled, it always starts its own, and a second
scenario follows: many payments, and a comparison of all records.
"""
_DEMO_EPILOG = """\
environment:
  PORT, SIMULATOR_PORT, LOST, DOUBLED, PAYMENTS, SEED   the same as the options

example:
  make demo LOST=20 DOUBLED=30
"""

_DAY = """\
Run 500 STK payments, 300 C2B payments of which 20 match no order, 50 refunds by B2C and by reversal, and
a file of 200 payouts with its approval, while callbacks are lost, doubled and delayed, and
confirmations are lost or have odd bytes. A pull and a statement find what is missing. The command starts
its own service and takes about six minutes.
"""
_DAY_EPILOG = """\
environment:
  SEED, DIVIDED_BY   the same as the options

example:
  make demo-day SEED=7
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    given = build_parser().parse_args(arguments)
    try:
        if given.command == "demo-day":
            return demo_day(given.seed, Size().smaller(given.divided_by))
        paths = LocalPaths(given.directory.resolve(), given.port, given.simulator_port)
        if given.command == "demo":
            return demo(paths, _fault_settings(given))
        return run(paths, ready_file=given.ready_file, quiet=given.quiet)
    except DevtoolsError as error:
        print(error, file=sys.stderr, flush=True)
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.EIO):
            raise
        _discard_output()
    return 1


def build_parser() -> argparse.ArgumentParser:
    """Return the parser. The environment supplies the ports that are not given."""
    parser = argparse.ArgumentParser(
        prog="python -m devtools", description="Run the simulator and the service together on this machine."
    )
    commands = parser.add_subparsers(dest="command", required=True)

    def add(name: str, help_: str, description: str, epilog: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=help_,
            description=textwrap.fill(description),
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    run_ = add("run", "run simulator, service and worker until Ctrl-C", _RUN, _RUN_EPILOG)
    run_.add_argument(
        "--ready-file",
        type=Path,
        metavar="PATH",
        help="write addresses, tokens and pid to this JSON file when everything is ready; removed at the end",
    )
    run_.add_argument("--quiet", action="store_true", help="print only errors")
    demo_ = add("demo", "take one payment, refund it, and show every step", _DEMO, _DEMO_EPILOG)
    _add_fault_options(demo_)
    day = add("demo-day", "run a shop's whole day with faults, and compare the records", _DAY, _DAY_EPILOG)
    _add_day_options(day)
    for command in (run_, demo_):
        _add_paths(command)
    return parser


def _add_fault_options(parser: argparse.ArgumentParser) -> None:
    for name, kind, default, help_ in (
        ("lost", _percent, "0", "percentage of callbacks that are lost in the second scenario"),
        ("doubled", _percent, "0", "percentage of callbacks that are sent twice in the second scenario"),
        (
            "payments",
            _payments,
            "30",
            "payments in the second scenario, 1 to 200 (default: PAYMENTS, or 30)",
        ),
        ("seed", int, _random_seed(), "seed that repeats an earlier run (default: random)"),
    ):
        default = os.environ.get(name.upper()) or default
        parser.add_argument(f"--{name}", type=kind, default=default, help=help_, metavar="N")


def _add_day_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seed",
        type=int,
        default=os.environ.get("SEED") or _random_seed(),
        help="seed that repeats an earlier day (default: random)",
        metavar="N",
    )
    parser.add_argument(
        "--divided-by",
        type=lambda text: _whole_number(text, 1, 250),
        default=os.environ.get("DIVIDED_BY") or "1",
        help="divide all numbers of the day by N (default: DIVIDED_BY, or 1)",
        metavar="N",
    )


def _random_seed() -> str:
    return str(random.SystemRandom().randrange(1_000_000))


def _fault_settings(given: argparse.Namespace) -> FaultSettings | None:
    if not given.lost and not given.doubled:
        return None
    if given.lost + given.doubled > 100:
        raise DevtoolsError(
            "LOST and DOUBLED are percentages of the same callbacks. Their sum can be 100 at most."
        )
    return FaultSettings(given.lost, given.doubled, given.payments, given.seed)


def _percent(text: str) -> int:
    return _whole_number(text, 0, 100)


def _payments(text: str) -> int:
    return _whole_number(text, 1, 200)


def _whole_number(text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise argparse.ArgumentTypeError(f"expected a whole number from {least} to {most}, not {text!r}")
    return int(text)


def _add_paths(parser: argparse.ArgumentParser) -> None:
    port = os.environ.get("PORT") or "5005"
    simulator_port = os.environ.get("SIMULATOR_PORT") or "5006"
    add = parser.add_argument
    add("--port", type=_port, default=port, help="the service's port (default: PORT, or 5005)")
    add(
        "--simulator-port",
        type=_port,
        default=simulator_port,
        help="the simulator's port (default: SIMULATOR_PORT, or 5006)",
    )
    add(
        "--directory",
        type=Path,
        default=ROOT / "var",
        metavar="DIR",
        help="directory for database, secrets and logs (default: var in the checkout)",
    )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise argparse.ArgumentTypeError(f"a port is a whole number from 1 to 65535, not {text!r}")
    return int(text)


def _discard_output() -> None:
    """Send further output to /dev/null: its reader is gone, and Python would print an error at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

"""The command line: `run`, `demo` and `demo-day`."""

import argparse
import errno
import io
import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from devtools.day.plan import Size
from devtools.day.play import demo_day
from devtools.demo import demo
from devtools.place import ROOT, Place
from devtools.problems import LocalProblem
from devtools.run import run
from devtools.trouble import Trouble

_EPILOG = """\
environment:
  PORT, SIMULATOR_PORT   the same as --port and --simulator-port
  DATABASE_URL           another database than the SQLite file in the directory
  JWT_SECRET_KEY, PHONE_ENCRYPTION_KEYS, PHONE_HASH_KEY
                         used instead of those kept in local.env
  Any other setting of the service (LOG_LEVEL, RATELIMIT_DEFAULT ...) is passed on to it.
"""

_DEMO_EPILOG = """\
environment:
  PORT, SIMULATOR_PORT, LOST, DOUBLED, PAYMENTS, SEED   the same as the options

example:
  make demo LOST=20 DOUBLED=30
"""

_DAY_EPILOG = """\
environment:
  SEED, DIVIDED_BY   the same as the options

example:
  make demo-day SEED=7
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry the command out; return its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    given = build_parser().parse_args(arguments)
    try:
        if given.command == "demo-day":
            return demo_day(given.seed, Size().smaller(given.divided_by))
        place = Place(given.directory.resolve(), given.port, given.simulator_port)
        if given.command == "demo":
            return demo(place, _trouble(given))
        return run(place, ready_file=given.ready_file, quiet=given.quiet)
    except LocalProblem as problem:
        print(problem, file=sys.stderr, flush=True)
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.EIO):
            raise
        _abandon_output()
    return 1


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; ports that are not given come from the environment."""
    parser = argparse.ArgumentParser(
        prog="python -m devtools",
        description="Simulator and service together on this machine.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run_ = commands.add_parser(
        "run",
        help="start both and keep them going until Ctrl-C",
        description="Start simulator and service, print tokens and curl lines, go on until Ctrl-C.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    demo_ = commands.add_parser(
        "demo",
        help="drive one payment, its refunds and an order service through the REST API",
        description="Take one payment and refund it, step by step. Uses a pair that `run` keeps going on"
        " these ports, or else starts one of its own, on free ports, and removes it afterwards."
        " An order service (examples/order_service.py) listens to the webhooks. With --lost or --doubled"
        " a second act follows, on a pair of its own: many payments, and all books are compared.",
        epilog=_DEMO_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_trouble(demo_)
    day = commands.add_parser(
        "demo-day",
        help="play a shop's whole day through every door, with faults, and compare the books",
        description="500 prompted payments, 300 from the phone's menu of which 20 fit nothing, 50 refunds by"
        " both methods, and a file of 200 payouts with its approval, while callbacks are lost or doubled."
        " On a pair of its own, about six minutes.",
        epilog=_DAY_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_day(day)
    for command in (run_, demo_):
        _add_place(command)
    run_.add_argument(
        "--ready-file",
        type=Path,
        metavar="PATH",
        help="write addresses, tokens and pid there as JSON once all is ready (removed at the end)",
    )
    run_.add_argument("--quiet", action="store_true", help="print nothing but errors")
    return parser


def _add_trouble(parser: argparse.ArgumentParser) -> None:
    for name, kind, default, help_ in (
        ("lost", _percent, "0", "percentage of the second act's callbacks that are lost"),
        ("doubled", _percent, "0", "percentage of them that come twice"),
        ("payments", _payments, "30", "payments of the second act, 1 to 200 (default: PAYMENTS, or 30)"),
        ("seed", int, str(random.SystemRandom().randrange(1_000_000)), "repeats the draw (default: drawn)"),
    ):
        default = os.environ.get(name.upper()) or default
        parser.add_argument(f"--{name}", type=kind, default=default, help=help_, metavar="N")


def _add_day(parser: argparse.ArgumentParser) -> None:
    seed = os.environ.get("SEED") or str(random.SystemRandom().randrange(1_000_000))
    parser.add_argument(
        "--seed", type=int, default=seed, help="repeats the draw (default: drawn)", metavar="N"
    )
    parser.add_argument(
        "--divided-by",
        type=lambda text: _whole(text, 1, 250),
        default=os.environ.get("DIVIDED_BY") or "1",
        help="a day of an N-th of the size (default: DIVIDED_BY, or 1)",
        metavar="N",
    )


def _trouble(given: argparse.Namespace) -> Trouble | None:
    if not given.lost and not given.doubled:
        return None
    if given.lost + given.doubled > 100:
        raise LocalProblem("LOST and DOUBLED are percentages of the same callbacks: 100 together at most.")
    return Trouble(given.lost, given.doubled, given.payments, given.seed)


def _percent(text: str) -> int:
    return _whole(text, 0, 100)


def _payments(text: str) -> int:
    return _whole(text, 1, 200)


def _whole(text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise argparse.ArgumentTypeError(f"it must be a whole number from {least} to {most}, not {text!r}")
    return int(text)


def _add_place(parser: argparse.ArgumentParser) -> None:
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
        help="where database, secrets and logs are kept (default: var in the checkout)",
    )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise argparse.ArgumentTypeError(f"a port is a whole number from 1 to 65535, not {text!r}")
    return int(text)


def _abandon_output() -> None:
    """Nobody reads what is printed any more; keep Python from complaining about it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

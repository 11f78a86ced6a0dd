"""The command line: `daraja-simulator`, or `python -m daraja_simulator` in a checkout."""

import argparse
import contextlib
import errno
import signal
import sys
import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daraja_simulator.errors import ControlError
from daraja_simulator.faults import FAULTS, OPERATIONS
from daraja_simulator.identity import identity_from_file, process_identity
from daraja_simulator.options import SimulatorOptions, option_names
from daraja_simulator.outcomes import table
from daraja_simulator.server import bind
from daraja_simulator.wire import NAIROBI
from daraja_simulator.world import World


def main(arguments: Sequence[str] | None = None, program: str = "daraja-simulator") -> int:
    """Serve until interrupted; return the exit code. `program` is the name that the help shows."""
    parser = build_parser(program)
    given = parser.parse_args(arguments)
    try:
        options = _options(given)
        identity = identity_from_file(given.key_file) if given.key_file else process_identity()
    except (ControlError, ValueError, OSError) as error:
        parser.error(str(error))
    world = World(options, identity=identity, tell=_say)
    try:
        server = bind(world, given.host, given.port)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        reason = "the port is taken; choose another with --port" if taken else error.strerror
        print(f"cannot listen on {given.host}:{given.port}: {reason}", file=sys.stderr)
        return 1
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    address = f"http://{given.host}:{server.port}"
    _say(f"Daraja simulator on {address}  (help: {address}/simulator/, seed {options.seed})")
    _say(f"shortcode {options.shortcode}, phone page {address}/simulator/phone")
    with contextlib.suppress(KeyboardInterrupt):  # most often the server itself has caught it
        server.serve_forever()
    _say("stopping")
    server.server_close()
    world.stop()
    signal.signal(signal.SIGTERM, before)
    return 0


def build_parser(program: str) -> argparse.ArgumentParser:
    """Return the parser. Its help ends with the tables of outcomes and faults."""
    parser = argparse.ArgumentParser(
        prog=program,
        description="A local M-Pesa Daraja with its own customers and ledger.",
        epilog=_epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--port", type=_port, default=5006, help="port to listen on (default: 5006; 0: any)")
    add("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    add("--pay-after", metavar="SECONDS", help="how long a customer takes to pay (default: 2)")
    add("--auto", choices=("pay", "hold"), help="what customers do by themselves (default: pay)")
    add("--seed", help="seed of all faults (default: drawn, and printed)")
    add("--consumer-key", help="take only this consumer key (default: any)")
    add("--consumer-secret", help="take only this consumer secret (default: any)")
    add("--strict-customers", action="store_true", default=None, help="only added customers exist")
    add(
        "--fault",
        action="append",
        default=[],
        metavar="NAME=RATE",
        help="switch a fault on; repeatable",
    )
    add("--token-lifetime", metavar="SECONDS", help="life of an access token (default: 3599)")
    add(
        "--keep-old-tokens",
        action="store_true",
        default=None,
        help="a new token leaves the old alive",
    )
    add("--pending-style", choices=("4999", "500"), help="how a query says pending (default: 4999)")
    add(
        "--query-limit",
        choices=("on", "off"),
        help="the sandbox's 5 queries a minute (default: off)",
    )
    add("--key-file", type=Path, help="PEM file that keeps the key pair (made when missing)")
    add("--set", action="append", default=[], metavar="OPTION=VALUE", help="any option; repeatable")
    return parser


def _options(given: argparse.Namespace) -> SimulatorOptions:
    named = option_names()
    changes: dict[str, Any] = {
        name: value for name, value in vars(given).items() if name in named and value is not None
    }
    changes |= _pairs(given.set)
    if given.fault:
        changes["faults"] = _pairs(given.fault)
    return SimulatorOptions().changed(changes)


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError(text)
    return port


def _pairs(items: list[str]) -> dict[str, str]:
    pairs = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not equals:
            raise ControlError(f"{item!r} must have the form NAME=VALUE")
        pairs[name] = value
    return pairs


def _epilog() -> str:
    rows = [f"  99{code}  {stk:<50.50}  {b2c:.50}" for code, stk, b2c in table()]
    faults = [f"  {name:<24}{text}" for name, text in FAULTS.items()]
    return "\n".join(
        [
            "Outcomes, by the last six digits of the phone number, or by the amount 240000 + the",
            "last four (KES 241032 cancels); left STK push, right payouts and reversals:",
            *rows,
            "",
            "Faults (rate 0 to 1; stk_push.NAME limits one to an operation):",
            *faults,
            *textwrap.wrap(
                "operations: " + ", ".join(OPERATIONS), 96, initial_indent="  ", subsequent_indent="    "
            ),
            "",
            *textwrap.wrap("Options for --set: " + ", ".join(option_names()), 96),
        ]
    )


def _say(line: str) -> None:
    print(f"{datetime.now(UTC).astimezone(NAIROBI):%H:%M:%S} {line}", flush=True)

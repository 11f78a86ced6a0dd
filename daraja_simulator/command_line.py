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

from daraja_simulator import statement_command
from daraja_simulator.errors import ControlError
from daraja_simulator.faults import FAULTS, OPERATIONS
from daraja_simulator.identity import identity_from_file, process_identity
from daraja_simulator.options import SimulatorOptions, option_names
from daraja_simulator.outcomes import table
from daraja_simulator.server import bind
from daraja_simulator.state import SimulatorState
from daraja_simulator.wire import NAIROBI

_SWITCHES = {
    "--strict-customers": "only numbers that the control API added are customers",
    "--lenient": "accept requests without optional fields, and other content types",
    "--any-credential": "accept any consumer key, initiator and SecurityCredential",
    "--keep-old-tokens": "a new token does not invalidate the old one",
}


def main(arguments: Sequence[str] | None = None, program: str = "daraja-simulator") -> int:
    """Serve until interrupted; return the exit code. `program` is the name that the help shows.

    With `statement` as the first argument, save the statement of a simulator that runs.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["statement"]:
        return statement_command.main(arguments[1:], program)
    parser = build_parser(program)
    given = parser.parse_args(arguments)
    try:
        options = _options(given)
        identity = identity_from_file(given.key_file) if given.key_file else process_identity()
    except (ControlError, ValueError, OSError) as error:
        parser.error(str(error))
    state = SimulatorState(options, identity=identity, log=_log)
    try:
        server = bind(state, given.host, given.port)
    except OSError as error:
        in_use = error.errno == errno.EADDRINUSE
        reason = "the port is in use; choose another with --port" if in_use else error.strerror
        print(f"Cannot listen on {given.host}:{given.port}: {reason}", file=sys.stderr)
        return 1
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    address = f"http://{given.host}:{server.port}"
    _log(f"Daraja simulator on {address}  (help: {address}/simulator/, seed {options.seed})")
    _log(f"shortcode {options.shortcode}, phone page {address}/simulator/phone")
    with contextlib.suppress(KeyboardInterrupt):  # the server usually catches it itself
        server.serve_forever()
    _log("Stopped.")
    server.server_close()
    state.stop()
    signal.signal(signal.SIGTERM, before)
    return 0


def build_parser(program: str) -> argparse.ArgumentParser:
    """Return the parser. Its help ends with the tables of outcomes and faults."""
    parser = argparse.ArgumentParser(
        prog=program,
        description="Run a local simulator of Safaricom's M-Pesa API (Daraja).",
        epilog=_epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--port", type=_port, default=5006, help="port to listen on; 0 chooses a free port (default: 5006)")
    add("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    add("--pay-after", metavar="SECONDS", help="time until a customer pays (default: 2)")
    add(
        "--auto",
        choices=("pay", "hold"),
        help="whether customers pay, or wait for instructions (default: pay)",
    )
    add("--seed", help="seed of the faults (default: random; the first line of output shows it)")
    add("--consumer-key", metavar="KEY", help="the only valid consumer key (default: any key is valid)")
    add("--consumer-secret", metavar="SECRET", help="the only valid consumer secret (default: any)")
    add(
        "--fault",
        action="append",
        default=[],
        metavar="NAME=RATE",
        help="set the rate of a fault; repeatable",
    )
    add("--token-lifetime", metavar="SECONDS", help="lifetime of an access token (default: 3599)")
    add("--pending-style", choices=("4999", "500"), help="how a query reports an open prompt (default: 4999)")
    add(
        "--query-limit",
        choices=("on", "off"),
        help="limit queries to 5 per minute, as the sandbox does (default: off)",
    )
    for flag, text in _SWITCHES.items():
        add(flag, action="store_true", default=None, help=text)
    add("--key-file", type=Path, metavar="PATH", help="PEM file with the key pair; created if it is missing")
    add("--set", action="append", default=[], metavar="OPTION=VALUE", help="set any option; repeatable")
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
    rows = [f"  99{code}  {_shortened(stk):<50}  {_shortened(b2c)}" for code, stk, b2c in table()]
    faults = [f"  {name:<24}{text}" for name, text in FAULTS.items()]
    return "\n".join(
        [
            "`statement` as the first argument saves the statement of a simulator that runs; see",
            "`statement --help`.",
            "",
            "Outcomes. The last six digits of the phone number choose one, or an amount of 240000 plus",
            "the last four digits (KES 241032 cancels). Left: STK push. Right: payouts and reversals.",
            *rows,
            "",
            "Faults, with a rate from 0 to 1. stk_push.NAME limits a fault to one operation.",
            *faults,
            *textwrap.wrap(
                "operations: " + ", ".join(OPERATIONS), 96, initial_indent="  ", subsequent_indent="    "
            ),
            "",
            *textwrap.wrap("Options for --set: " + ", ".join(option_names()), 96),
        ]
    )


def _shortened(text: str) -> str:
    return textwrap.shorten(text, 50, placeholder=" …")


def _log(line: str) -> None:
    print(f"{datetime.now(UTC).astimezone(NAIROBI):%H:%M:%S} {line}", flush=True)

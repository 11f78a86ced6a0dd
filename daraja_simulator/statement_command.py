"""The command `statement`: saves the statement of a running simulator as a file."""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import requests

_FORMATS = ("csv", "xls", "xlsx")
_SHAPES = ("A", "B", "C", "D", "F")
_PIECE = 65_536
_SECONDS = 60
_PASSED_ON = ("shape", "format", "shortcode", "account", "from", "to")


def main(arguments: Sequence[str], program: str) -> int:
    """Save the file and print its name; return the exit code."""
    given = build_parser(program).parse_args(arguments)
    chosen = {name: getattr(given, name) for name in _PASSED_ON if getattr(given, name) is not None}
    chosen |= {name: "true" for name in ("failed", "currency", "linked") if getattr(given, name)}
    try:
        with requests.Session() as session:
            session.trust_env = False  # the simulator is on this machine, not behind its proxy
            url = f"{given.url.rstrip('/')}/simulator/statement"
            with session.get(url, params=chosen, stream=True, timeout=_SECONDS) as response:
                return _save(response, given.output)
    except requests.RequestException as error:
        print(f"No simulator answers at {given.url}: {type(error).__name__}", file=sys.stderr)
    except OSError as error:
        print(f"Cannot write the file: {error}", file=sys.stderr)
    return 1


def build_parser(program: str) -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = argparse.ArgumentParser(
        prog=f"{program} statement",
        description="Save the organization portal's statement of a running simulator's ledger.",
    )
    add = parser.add_argument
    add("--url", default="http://127.0.0.1:5006", help="the simulator (default: http://127.0.0.1:5006)")
    add("--shape", choices=_SHAPES, help="A portal (default), B newer portal, C stores, D 2010, F daily")
    add("--format", choices=_FORMATS, help="format of the file (default: csv)")
    add("--shortcode", help="business number (default: the simulator's shortcode)")
    add("--account", help="account, such as utility (default for A and D: utility; else all)")
    add("--from", metavar="DAY", help="first day in Nairobi, or second (default: of the first entry)")
    add("--to", metavar="DAY", help="last day in Nairobi, or second (default: now)")
    add("--failed", action="store_true", help="include transactions that failed")
    add("--currency", action="store_true", help="shape A: add the column Currency")
    add("--linked", action="store_true", help="fill the linked receipt of reversals")
    add("--output", metavar="FILE", help="file or folder; - prints it (default: the portal's file name)")
    return parser


def _save(response: requests.Response, output: str | None) -> int:
    if response.status_code != 200:
        print(_refusal(response), file=sys.stderr)
        return 1
    pieces = response.iter_content(_PIECE)
    if output == "-":
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        return 0
    path = Path(output or ".")
    path = path / _file_name(response) if path.is_dir() else path
    with path.open("wb") as file:
        file.writelines(pieces)
    print(path)
    return 0


def _refusal(response: requests.Response) -> str:
    try:
        return str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        return f"The address answers with status {response.status_code}; is it a simulator?"


def _file_name(response: requests.Response) -> str:
    found = re.search(r'filename="([^"/\\]+)"', response.headers.get("Content-Disposition", ""))
    return found[1] if found else "statement"

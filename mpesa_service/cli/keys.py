"""Operator commands for the keys that encrypt stored data: mpesa keys …"""

from dataclasses import asdict

import click
from cryptography.fernet import Fernet
from flask.cli import AppGroup

from mpesa_service.cli.options import as_json, print_result
from mpesa_service.domain.counting import counted
from mpesa_service.operations.key_rotation import rotate, rows_to_rotate
from mpesa_service.operations.used_keys import TableKeys, check_rows
from mpesa_service.web.blueprint import runtime

keys_cli = AppGroup("keys", help="Keys that encrypt the stored phone numbers and callbacks.")


@keys_cli.command("new", with_appcontext=False)
@as_json
def new_key(as_json: bool) -> None:
    """Print a new key for PHONE_ENCRYPTION_KEYS.

    The command needs no settings. Add the new key behind the old keys and restart every process; then put it
    in front and restart them again.

    Example: mpesa keys new
    """
    key = Fernet.generate_key().decode()
    print_result({"key": key}, key, as_json)


@keys_cli.command("rotate")
@as_json
def rotate_keys(as_json: bool) -> None:
    """Encrypt every stored number and callback with the newest key.

    The command checks the rows at its end, as `mpesa keys check` does. Then remove the old keys from
    PHONE_ENCRYPTION_KEYS. You can stop the command and run it again.

    Example: mpesa keys rotate
    """
    # Imported here: see output.py.
    from rich.progress import Progress

    bound = runtime()
    with Progress(transient=True) as progress:
        task = progress.add_task("Encrypting rows", total=rows_to_rotate(bound))
        done = rotate(bound, lambda count: progress.advance(task, count))
    counts = _checked(accept_unreadable=False)
    sentence = f"Rows encrypted with the newest key: {done}. {_sentence(counts)}"
    print_result({"rows": done, "tables": [asdict(one) for one in counts]}, sentence, as_json)


@keys_cli.command("check")
@click.option(
    "--accept-unreadable", is_flag=True, help="The keys of the unreadable rows are lost: start without them."
)
@as_json
def check_keys(accept_unreadable: bool, as_json: bool) -> None:
    """Count the rows that only an old key decrypts, before you remove that key.

    The exit code is 1 if a row needs an old key, or if no key decrypts it. The command changes no row.

    Example: mpesa keys check
    """
    counts = _checked(accept_unreadable=accept_unreadable)
    print_result([asdict(one) for one in counts], _sentence(counts), as_json)
    unreadable = 0 if accept_unreadable else sum(one.unreadable for one in counts)
    raise SystemExit(bool(sum(one.older for one in counts) or unreadable))


def _checked(*, accept_unreadable: bool) -> list[TableKeys]:
    from rich.progress import Progress

    bound = runtime()
    with Progress(transient=True) as progress:
        task = progress.add_task("Checking rows", total=rows_to_rotate(bound))
        return check_rows(
            bound, lambda count: progress.advance(task, count), accept_unreadable=accept_unreadable
        )


def _sentence(counts: list[TableKeys]) -> str:
    readable = sum(one.newest for one in counts)
    needed = ", ".join(f"{one.table} {one.older}" for one in counts if one.older)
    unreadable = ", ".join(f"{one.table} {one.unreadable}" for one in counts if one.unreadable)
    sentences = [
        f"Rows that need an old key: {needed}. Run mpesa keys rotate before you remove it."
        if needed
        else f"The newest key decrypts {counted(readable, 'row')}. No row needs an old key."
    ]
    if unreadable:
        sentences.append(f"Rows that no key decrypts: {unreadable}. Add the missing key behind the others.")
    return " ".join(sentences)

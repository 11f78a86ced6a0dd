"""Operator commands for the keys that encrypt stored data: mpesa keys …"""

from cryptography.fernet import Fernet
from flask.cli import AppGroup

from mpesa_service.cli.options import as_json, print_result
from mpesa_service.operations.key_rotation import rotate, rows_to_rotate
from mpesa_service.web.blueprint import runtime

keys_cli = AppGroup("keys", help="Keys that encrypt the stored phone numbers and callbacks.")


@keys_cli.command("new", with_appcontext=False)
@as_json
def new_key(as_json: bool) -> None:
    """Print a new key for PHONE_ENCRYPTION_KEYS.

    The command needs no settings. Put the new key before the old keys, and restart every process.

    Example: mpesa keys new
    """
    key = Fernet.generate_key().decode()
    print_result({"key": key}, key, as_json)


@keys_cli.command("rotate")
@as_json
def rotate_keys(as_json: bool) -> None:
    """Encrypt every stored number and callback with the newest key.

    When the command has ended, remove the old keys from PHONE_ENCRYPTION_KEYS. You can stop the command and
    run it again.

    Example: mpesa keys rotate
    """
    # Imported here: see output.py.
    from rich.progress import Progress

    bound = runtime()
    with Progress(transient=True) as progress:
        task = progress.add_task("Encrypting rows", total=rows_to_rotate(bound))
        done = rotate(bound, lambda count: progress.advance(task, count))
    print_result({"rows": done}, f"Rows encrypted with the newest key: {done}.", as_json)

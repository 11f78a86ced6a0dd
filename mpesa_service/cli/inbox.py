"""The operator command for stored callbacks: mpesa inbox …"""

from flask.cli import AppGroup

from mpesa_service.callbacks.receive import apply_failed_again
from mpesa_service.cli.options import as_json, limit_option, print_result
from mpesa_service.web.blueprint import runtime

inbox_cli = AppGroup("inbox", help="Stored callbacks.")


@inbox_cli.command("retry")
@limit_option(1000, None, "Apply at most this many.")
@as_json
def retry_inbox(limit: int, as_json: bool) -> None:
    """Apply again the callbacks that failed.

    The service tries each callback ten times in all.

    Example: mpesa inbox retry
    """
    taken = apply_failed_again(runtime(), limit)
    print_result({"callbacks": taken}, f"Callbacks that were tried again: {taken}.", as_json)

"""The `mpesa` command: installed, or as `python -m mpesa_service` in a clone."""

from typing import TYPE_CHECKING

from mpesa_service.cli.root import mpesa_cli

if TYPE_CHECKING:
    from flask import Flask


def main() -> None:
    """Run the command. It creates the application only if it needs one."""
    mpesa_cli(prog_name="mpesa", obj=_application)


def _application() -> "Flask":
    # Imported here because a help page must be quick, and needs no settings.
    from mpesa_service.wsgi import app

    return app


if __name__ == "__main__":
    main()

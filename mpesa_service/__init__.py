"""An M-Pesa payment service: Safaricom's Daraja API behind a small REST API."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from mpesa_service.config import Settings

__version__ = "0.2.0"


def create_app(settings: "Settings | None" = None) -> "Flask":
    """Return the application. Its settings come from the environment unless they are passed in."""
    # Imported here because importing `mpesa_service.daraja` alone must need neither Flask nor a database.
    from mpesa_service.app import build_app

    return build_app(settings)

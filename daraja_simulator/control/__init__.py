"""The control API under /simulator. Requests and responses are JSON.

When a call returns, its effects are complete and its callback is delivered. Tests therefore need not sleep.
"""

from daraja_simulator.control import (
    c2b,
    callbacks,
    commands,
    ledger,
    prompts,
    settings,
    statement,
    sweeps,
    transactions,
)
from daraja_simulator.control.routes import Route

ROUTES: tuple[Route, ...] = (
    *settings.ROUTES,
    *ledger.ROUTES,
    *prompts.ROUTES,
    *c2b.ROUTES,
    *commands.ROUTES,
    *callbacks.ROUTES,
    *sweeps.ROUTES,
    *transactions.ROUTES,
    *statement.ROUTES,
)
"""All routes of the control API."""

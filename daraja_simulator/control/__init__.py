"""The simulator's own API under /simulator, for tests and for people: JSON in, JSON out.

Whatever makes something happen (a PIN, a cancel, a result) has happened, and its callback has been
delivered, when the call returns, so that no test needs to sleep.
"""

from daraja_simulator.control import c2b, callbacks, commands, prompts, settings, state
from daraja_simulator.control.common import Route

ROUTES: tuple[Route, ...] = (
    *settings.ROUTES,
    *state.ROUTES,
    *prompts.ROUTES,
    *c2b.ROUTES,
    *commands.ROUTES,
    *callbacks.ROUTES,
)
"""The registry of the control API's routes."""

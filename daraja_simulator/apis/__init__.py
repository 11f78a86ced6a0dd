"""Daraja's APIs, one module each. This list registers them."""

from daraja_simulator.apis import (
    account_balance,
    b2b,
    b2c,
    c2b,
    oauth,
    pull,
    reversal,
    stk_push,
    stk_query,
    transaction_status,
)
from daraja_simulator.request_pipeline import Api

APIS: tuple[Api, ...] = (
    *oauth.APIS,
    *stk_push.APIS,
    *stk_query.APIS,
    *b2c.APIS,
    *b2b.APIS,
    *reversal.APIS,
    *transaction_status.APIS,
    *account_balance.APIS,
    *c2b.APIS,
    *pull.APIS,
)
"""All routes of Daraja."""

"""HTTP only: parse, call one service, dump. Routes: `payments.py`, `refunds.py`, `callbacks.py` …"""

from mpesa_service.api import (
    c2b_registration,
    c2b_rules,
    callbacks,
    exports,
    holds,
    inquiries,
    listing,
    orders,
    payments,
    payouts,
    refunds,
    review,
    unmatched,
    webhooks,
)
from mpesa_service.api.blueprint import RUNTIME, blueprint
from mpesa_service.api.c2b import c2b_blueprint

__all__ = [
    "RUNTIME",
    "blueprint",
    "c2b_blueprint",
    "c2b_registration",
    "c2b_rules",
    "callbacks",
    "exports",
    "holds",
    "inquiries",
    "listing",
    "orders",
    "payments",
    "payouts",
    "refunds",
    "review",
    "unmatched",
    "webhooks",
]

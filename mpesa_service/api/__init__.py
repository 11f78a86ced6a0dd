"""HTTP only: parse, call one service, dump. Routes: `payments.py`, `refunds.py`, `callbacks.py` …"""

from mpesa_service.api import (
    callbacks,
    exports,
    inquiries,
    listing,
    payments,
    payouts,
    refunds,
    review,
    webhooks,
)
from mpesa_service.api.blueprint import RUNTIME, blueprint

__all__ = [
    "RUNTIME",
    "blueprint",
    "callbacks",
    "exports",
    "inquiries",
    "listing",
    "payments",
    "payouts",
    "refunds",
    "review",
    "webhooks",
]

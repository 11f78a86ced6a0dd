"""The tables, and the statements that lock, claim or page them."""

from mpesa_service.models.base import Base
from mpesa_service.models.callbacks import CallbackInbox
from mpesa_service.models.controls import Hold, Pace
from mpesa_service.models.events import PaymentEvent
from mpesa_service.models.idempotency import IdempotencyKey
from mpesa_service.models.outgoing import OutgoingEvent
from mpesa_service.models.payments import Payment
from mpesa_service.models.refunds import Refund
from mpesa_service.models.tokens import DarajaToken
from mpesa_service.models.webhooks import WebhookDelivery, WebhookEndpoint

__all__ = [
    "Base",
    "CallbackInbox",
    "DarajaToken",
    "Hold",
    "IdempotencyKey",
    "OutgoingEvent",
    "Pace",
    "Payment",
    "PaymentEvent",
    "Refund",
    "WebhookDelivery",
    "WebhookEndpoint",
]

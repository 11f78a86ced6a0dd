"""The tables, and the statements that lock, claim and page through their rows."""

from mpesa_service.models.approvals import Approval, CountedOutflow
from mpesa_service.models.base import Base
from mpesa_service.models.c2b_secrets import C2bSecret
from mpesa_service.models.callbacks import CallbackInbox
from mpesa_service.models.controls import (
    DarajaToken,
    IdempotencyKey,
    RateLimiter,
    Suspension,
    UnknownCodeCount,
)
from mpesa_service.models.discrepancies import Discrepancy, DiscrepancyCandidate
from mpesa_service.models.inquiries import AccountBalance, Inquiry
from mpesa_service.models.orders import C2bConfirmation, C2bRule, ExpectedOrder
from mpesa_service.models.payments import Payment, PaymentEvent, Refund
from mpesa_service.models.payouts import Payout, PayoutBatch, PayoutEvent
from mpesa_service.models.portal import Statement, StatementLineRow, StatementSharedLine, StatementTexts
from mpesa_service.models.pulls import Pull
from mpesa_service.models.revoked_tokens import RevokedToken
from mpesa_service.models.used_keys import UsedKey
from mpesa_service.models.webhooks import OutgoingEvent, WebhookDelivery, WebhookEndpoint

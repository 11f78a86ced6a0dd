"""Every route of the API. Importing a module of routes registers them on the blueprint."""

import mpesa_service.approvals.routes
import mpesa_service.c2b.routes
import mpesa_service.callbacks.routes
import mpesa_service.callbacks.unread_routes
import mpesa_service.inquiries.routes
import mpesa_service.operations.suspension_routes
import mpesa_service.operations.token_routes
import mpesa_service.orders.routes
import mpesa_service.outgoing.routes
import mpesa_service.payments.routes
import mpesa_service.payouts.routes
import mpesa_service.refunds.routes
import mpesa_service.review.discrepancy_routes
import mpesa_service.review.routes
import mpesa_service.statements.routes
import mpesa_service.webhooks.routes
from mpesa_service.callbacks.c2b_routes import c2b_blueprint
from mpesa_service.web.blueprint import blueprint

__all__ = ["blueprint", "c2b_blueprint"]

"""Every route of the API. Importing a module of routes registers them on the blueprint."""

from mpesa_service.c2b import routes as c2b_routes
from mpesa_service.callbacks import routes as callback_routes
from mpesa_service.callbacks.c2b_routes import c2b_blueprint
from mpesa_service.inquiries import routes as inquiry_routes
from mpesa_service.operations import suspension_routes
from mpesa_service.orders import routes as order_routes
from mpesa_service.payments import export_routes as payment_export_routes
from mpesa_service.payments import list_routes as payment_list_routes
from mpesa_service.payments import routes as payment_routes
from mpesa_service.payouts import routes as payout_routes
from mpesa_service.refunds import routes as refund_routes
from mpesa_service.review import routes as review_routes
from mpesa_service.web.blueprint import blueprint
from mpesa_service.webhooks import routes as webhook_routes

__all__ = [
    "blueprint",
    "c2b_blueprint",
    "c2b_routes",
    "callback_routes",
    "inquiry_routes",
    "order_routes",
    "payment_export_routes",
    "payment_list_routes",
    "payment_routes",
    "payout_routes",
    "refund_routes",
    "review_routes",
    "suspension_routes",
    "webhook_routes",
]

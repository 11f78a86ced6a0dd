"""An order service that ships an order when it receives a payment's event. Each event counts once.

It keeps each payment as the newest event about it says. An order is what its payments make of it, so a
payment that is moved to another order leaves the first one. If you register expected orders, ship on
`order.paid`: each of their parts is a `payment.succeeded` before it.

WEBHOOK_SECRET=whsec_… flask --app examples/order_service.py run --port 5010
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask, jsonify, request
from standardwebhooks import Webhook, WebhookVerificationError

SCHEMA = """
CREATE TABLE IF NOT EXISTS seen (webhook_id TEXT PRIMARY KEY, order_id TEXT);
CREATE TABLE IF NOT EXISTS payments (
    id TEXT PRIMARY KEY, order_id TEXT, status TEXT NOT NULL, receipt TEXT, amount INTEGER, sequence INTEGER
);
CREATE TABLE IF NOT EXISTS expected (order_id TEXT PRIMARY KEY, status TEXT NOT NULL, at TEXT NOT NULL);
"""
PAYMENT = """
INSERT INTO payments VALUES (:_id, :orderId, :word, :mpesaReceiptNumber, :amount, :sequence)
ON CONFLICT (id) DO UPDATE SET order_id = :orderId, status = :word, receipt = :mpesaReceiptNumber,
    amount = :amount, sequence = :sequence WHERE excluded.sequence > sequence
"""
EXPECTED = """
INSERT INTO expected VALUES (?, ?, ?)
ON CONFLICT (order_id) DO UPDATE SET status = excluded.status, at = excluded.at WHERE excluded.at >= at
"""
MOVED = "DELETE FROM expected WHERE order_id = ? AND at < ?"  # its own event follows, if it still has money
ORDERS = """
WITH ranked AS (
    SELECT *, status IN ('fulfilled', 'partly refunded') AS paid, ROW_NUMBER() OVER (PARTITION BY order_id
        ORDER BY status IN ('fulfilled', 'partly refunded') DESC, id DESC) AS place FROM payments
)
SELECT order_id AS id, receipt, amount, ranked.id AS payment, sequence,
    CASE WHEN paid AND expected.status IS NOT NULL THEN expected.status ELSE ranked.status END AS status,
    (SELECT COUNT(*) FROM seen WHERE seen.order_id = ranked.order_id) AS events
FROM ranked LEFT JOIN expected USING (order_id) WHERE place = 1 AND order_id IS NOT NULL ORDER BY order_id
"""
WORDS = {
    "failed": "unpaid",
    "canceled": "unpaid",
    "succeeded": "fulfilled",
    "review": "in review",
    "partially_refunded": "partly refunded",
    "partially_paid": "partly paid",
    "paid": "fulfilled",
}
"""What the statuses of payments and of expected orders mean here."""
FOR_PEOPLE = (".review", ".duplicate", ".overpaid", "refund.failed", "payout.failed", ".waiting_approval")
FOR_APPROVERS = ("approval.waiting", "approval.expired")
FOR_OPERATORS = ("balance.low", "callback.unread", "discrepancy.opened", "pull.suspect", "commands.suspended")


def apply(connection: sqlite3.Connection, event: dict[str, Any]) -> None:
    """Store what an event says of its payment, and of the expected order that the payment changed."""
    data = event["data"]
    if {"orderId", "mpesaReceiptNumber"} <= data.keys():  # the others are about no payment
        connection.execute(PAYMENT, {**data, "word": WORDS.get(data["status"], data["status"])})
    if event["type"] == "payment.moved":
        connection.execute(MOVED, [data["previousOrderId"], event["timestamp"]])
    if "order" in data:
        order = data["order"]
        word = WORDS.get(order["status"], order["status"])
        connection.execute(EXPECTED, [order["orderId"], word, event["timestamp"]])


def create_app(secret: str | None = None, database: str | None = None) -> Flask:
    app = Flask(__name__)
    webhook = Webhook(secret or os.environ["WEBHOOK_SECRET"])
    path = database or os.environ.get("ORDERS_DATABASE", "orders.db")

    @contextmanager
    def transaction() -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(path, timeout=10)
        connection.row_factory = sqlite3.Row
        try:
            with connection:
                connection.executescript(SCHEMA)
                yield connection
        finally:
            connection.close()

    @app.post("/webhooks")
    def receive() -> tuple[str, int]:
        try:
            event: dict[str, Any] = webhook.verify(request.get_data(), dict(request.headers))
        except WebhookVerificationError:
            return "not signed with our secret", 401
        order = event["data"].get("orderId")
        with transaction() as connection:
            seen = connection.execute(
                "INSERT OR IGNORE INTO seen VALUES (?, ?)", [request.headers["webhook-id"], order]
            )
            if seen.rowcount:  # the first time
                apply(connection, event)
        if event["type"].endswith((*FOR_PEOPLE, *FOR_APPROVERS, *FOR_OPERATORS)):
            app.logger.warning("%s needs a person: %s", event["type"], event["data"]["_id"])
        return "", 204

    @app.get("/orders")
    def orders() -> Any:
        with transaction() as connection:
            return jsonify([dict(row) for row in connection.execute(ORDERS)])

    return app

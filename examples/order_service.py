"""An order service that ships an order when it receives a payment's event. Each event counts once.

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
CREATE TABLE IF NOT EXISTS seen (webhook_id TEXT PRIMARY KEY, order_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS orders (
    id TEXT PRIMARY KEY, status TEXT NOT NULL, receipt TEXT, amount INTEGER NOT NULL,
    payment TEXT NOT NULL, sequence INTEGER NOT NULL
);
"""
UPDATE = """
INSERT INTO orders VALUES (:orderId, :word, :mpesaReceiptNumber, :amount, :_id, :sequence)
ON CONFLICT (id) DO UPDATE SET status = :word, receipt = :mpesaReceiptNumber, amount = :amount,
    payment = :_id, sequence = :sequence
WHERE excluded.payment > payment OR (excluded.payment = payment AND excluded.sequence > sequence)
"""
ORDERS = "SELECT *, (SELECT COUNT(*) FROM seen WHERE order_id = orders.id) AS events FROM orders ORDER BY id"
WORDS = {
    "payment.succeeded": "fulfilled",
    "payment.failed": "unpaid",
    "payment.canceled": "unpaid",
    "payment.partially_refunded": "partly refunded",
    "payment.refunded": "refunded",
}


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
        with transaction() as connection:
            seen = connection.execute(
                "INSERT OR IGNORE INTO seen VALUES (?, ?)",
                [request.headers["webhook-id"], event["data"]["orderId"]],
            )
            if seen.rowcount and event["type"] in WORDS:  # the first time, and of interest
                connection.execute(UPDATE, {**event["data"], "word": WORDS[event["type"]]})
        return "", 204

    @app.get("/orders")
    def orders() -> Any:
        with transaction() as connection:
            return jsonify([dict(row) for row in connection.execute(ORDERS)])

    return app

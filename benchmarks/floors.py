"""Floors: the lowest possible cost of a route with this framework, server, driver and database.

Each floor does only what no implementation can leave out: no schema, no error format, no log line, no
encryption. `FLOOR_DATABASE_URL` is the database to write to, `FLOOR_READ_URL` the database with the service's
own tables, and `FLOOR_DARAJA_URL` the address that pushes go to.
"""

import os
from datetime import datetime
from typing import Any

import requests
from flask import Flask, Response, request
from flask_jwt_extended import JWTManager, get_jwt_identity, verify_jwt_in_request
from sqlalchemy import (
    BigInteger,
    Column,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    create_engine,
    insert,
    select,
    update,
)

from mpesa_service.models import Payment

SHOWN = (
    *("id", "provider", "order_id", "account_reference", "merchant_request_id", "receipt", "status"),
    *("evidence", "amount", "currency", "result_code", "result_desc", "failure_reason"),
    *("refunded_amount", "metadata", "created_at", "updated_at", "completed_at", "paid_at", "paid_at_source"),
)
"""The columns that the service shows of a payment, without the encrypted ones."""

metadata = MetaData()
raw_bodies = Table(
    "floor_bodies",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("body", LargeBinary, nullable=False),
)
intents = Table(
    "floor_intents",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("order_id", String(64), nullable=False, unique=True),
    Column("body", LargeBinary, nullable=False),
    Column("answer", LargeBinary),
)
payments = Payment.__table__
shown = [payments.c[name] for name in SHOWN]
DONE = b'{"ResultCode":0,"ResultDesc":"Success"}'


def plainly(row: "Row[Any]") -> dict[str, Any]:
    """Return a row as JSON values."""
    return {k: v.isoformat() if isinstance(v, datetime) else v for k, v in row._asdict().items()}


def create_app() -> Flask:
    """Return the application; it has one route for each floor."""
    app = Flask(__name__, static_folder=None)
    app.config.update(JWT_SECRET_KEY=os.environ["JWT_SECRET_KEY"])
    JWTManager(app)
    threads = int(os.environ["WEB_THREADS"])
    engine = create_engine(os.environ["FLOOR_DATABASE_URL"], pool_size=threads)
    reading = create_engine(os.environ["FLOOR_READ_URL"], pool_size=threads)
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=threads))
    push_url = f"{os.environ['FLOOR_DARAJA_URL']}/mpesa/stkpush/v1/processrequest"

    @app.post("/callback")
    def callback() -> Response:
        with engine.begin() as connection:
            connection.execute(insert(raw_bodies), {"body": request.get_data()})
        return Response(DONE, mimetype="application/json")

    @app.post("/initiate")
    def initiate() -> Response:
        verify_jwt_in_request()
        intent = request.get_json()
        raw = request.get_data()
        with engine.begin() as connection:
            connection.execute(insert(intents), {"order_id": intent["orderId"], "body": raw})
        answer = session.post(push_url, json=intent, timeout=10).content
        with engine.begin() as connection:
            mine = intents.c.order_id == intent["orderId"]
            connection.execute(update(intents).where(mine).values(answer=answer))
        return Response(answer, 201, mimetype="application/json")

    @app.get("/status/<payment_id>")
    def status(payment_id: str) -> dict[str, Any]:
        verify_jwt_in_request()
        mine = (payments.c.id == payment_id, payments.c.owner == get_jwt_identity())
        with reading.connect() as connection:
            row = connection.execute(select(*shown).where(*mine)).one()
        return plainly(row)

    @app.get("/list/<int:limit>")
    def page(limit: int) -> dict[str, Any]:
        verify_jwt_in_request()
        newest = select(*shown).where(payments.c.owner == get_jwt_identity()).order_by(payments.c.id.desc())
        with reading.connect() as connection:
            rows = connection.execute(newest.limit(limit)).all()
        return {"data": [plainly(row) for row in rows]}

    return app

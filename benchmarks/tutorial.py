"""A callback view like those in tutorials: Flask, SQLAlchemy's ORM, one table, and no checks."""

import os
from typing import Any

from flask import Flask, request
from sqlalchemy import Integer, String, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker


class TutorialBase(DeclarativeBase):
    """The base of the table."""


class TutorialPayment(TutorialBase):
    """A payment like those in tutorials."""

    __tablename__ = "tutorial_payments"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    checkout_request_id: Mapped[str] = mapped_column(String(100), unique=True)
    phone_number: Mapped[str] = mapped_column(String(15))
    amount: Mapped[int] = mapped_column(Integer)
    status: Mapped[str] = mapped_column(String(20), default="pending")
    receipt: Mapped[str | None] = mapped_column(String(20))
    result_desc: Mapped[str | None] = mapped_column(String(255))


def create_app() -> Flask:
    """Return the application; `TUTORIAL_DATABASE_URL` is its database."""
    app = Flask(__name__, static_folder=None)
    engine = create_engine(os.environ["TUTORIAL_DATABASE_URL"], pool_size=int(os.environ["WEB_THREADS"]))
    sessions = sessionmaker(engine)

    @app.post("/callback")
    def callback() -> dict[str, Any]:
        result = request.get_json()["Body"]["stkCallback"]
        items = {
            item["Name"]: item.get("Value") for item in result.get("CallbackMetadata", {}).get("Item", [])
        }
        with sessions() as session:
            mine = TutorialPayment.checkout_request_id == result["CheckoutRequestID"]
            payment = session.scalars(select(TutorialPayment).where(mine)).one()
            payment.status = "paid" if result["ResultCode"] == 0 else "failed"
            payment.receipt = items.get("MpesaReceiptNumber")
            payment.result_desc = result["ResultDesc"]
            session.commit()
        return {"ResultCode": 0, "ResultDesc": "Success"}

    return app

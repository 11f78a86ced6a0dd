"""What is stopped until a person says otherwise."""

import logging
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from mpesa_service.models import Hold
from mpesa_service.models.statements import insert_once
from mpesa_service.services.runtime import Runtime

log = logging.getLogger(__name__)

REFUNDS = "refunds"
PAYOUTS = "payouts"


def stop(session: Session, name: str, reason: str, now: datetime) -> None:
    """Stop `name`, in the caller's transaction, with one alert however often it is asked for."""
    if insert_once(session, Hold, {"name": name, "reason": reason[:512], "since": now}):
        log.error("ALERT: %s stopped: %s", name, reason)


def why_stopped(session: Session, name: str) -> str | None:
    """Return why `name` is stopped, or None when it is not."""
    hold = session.get(Hold, name)
    return hold.reason if hold else None


def resume(runtime: Runtime, name: str) -> bool:
    """Let `name` go on; tell whether it was stopped."""
    with runtime.database.begin() as session:
        return bool(session.execute(delete(Hold).where(Hold.name == name).returning(Hold.name)).first())

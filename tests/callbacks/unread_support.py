"""An unread callback, and the requests of an admin about it."""

from typing import Any

import pytest
from sqlalchemy import select

from mpesa_service.callbacks import handlers
from mpesa_service.models import OutgoingEvent
from mpesa_service.verification.payments import verify
from tests.c2b.support import post_c2b
from tests.support import Service

BROKEN = b'{"TransID": "RKL51ZDR4F", "TransAmount": "3OO.00", "MSISDN": "254712345678", "FirstName": "JANE"}'
WHY = {"reason": "a test of our own"}


def events(service: Service) -> list[OutgoingEvent]:
    with service.runtime.database.read() as session:
        wanted = select(OutgoingEvent).where(OutgoingEvent.type == "callback.unread")
        return list(session.scalars(wanted.order_by(OutgoingEvent.id)))


def broken_rules(service: Service) -> list[str]:
    return [violation.invariant for violation in verify(service.runtime)]


def admin(service: Service, method: str, path: str, body: Any = None) -> Any:
    return service.call(method, f"/callbacks/unread{path}", body, by="amina", admin=True)


def listed(service: Service, query: str = "") -> list[dict[str, Any]]:
    answer = admin(service, "GET", query)
    assert answer.status_code == 200
    return list(answer.json["data"])


@pytest.fixture
def waiting(service: Service) -> str:
    """The id of a confirmation that cannot be read."""
    assert post_c2b(service, BROKEN).status_code == 200
    return str(service.inbox()[-1].post_id)


def repaired(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the service reads `3OO` as 300, as after an upgrade."""
    real = handlers.handle_c2b_confirmation

    def handle(runtime: Any, received: Any, body: bytes) -> Any:
        return real(runtime, received, body.replace(b"3OO", b"300"))

    monkeypatch.setitem(handlers._HANDLERS, handlers.CallbackKind.C2B_CONFIRMATION, handle)

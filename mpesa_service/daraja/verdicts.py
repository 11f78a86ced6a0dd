"""Decides on an HTTP answer: returns its body, or the matching error.

The question is whether money may have moved. The table decides for a known errorCode. An unknown one
is a refusal if the status is 4xx, and an unknown outcome otherwise. An answer without an
errorCode, such as a firewall's page, is an unknown outcome for everything except a read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from mpesa_service.daraja.codes import ErrorKind
from mpesa_service.daraja.error_codes import error_entry
from mpesa_service.daraja.errors import (
    AlreadyRegistered,
    DarajaError,
    Duplicate,
    InvalidToken,
    OutcomeUnknown,
    Refused,
    SubscriberBusy,
    Throttled,
)

MAX_MESSAGE_LENGTH = 200
_REFUSALS: dict[ErrorKind, type[Refused]] = {
    ErrorKind.TOKEN: InvalidToken,
    ErrorKind.SPIKE: Throttled,
    ErrorKind.QUOTA: Throttled,
    ErrorKind.DUPLICATE: Duplicate,
    ErrorKind.SUBSCRIBER_BUSY: SubscriberBusy,
    ErrorKind.REGISTERED: AlreadyRegistered,
}
_ECHOED_TOKEN = re.compile(r"(access token\s*[-:]\s*)\S+\s*$", re.IGNORECASE)
_LONG_NUMBER = re.compile(r"\d{9,}")


@dataclass(frozen=True)
class DarajaAnswer:
    """An HTTP answer. `body` is None unless it was a JSON object; `retry_after` is in seconds."""

    status: int
    body: dict[str, object] | None = field(repr=False)
    retry_after: float | None = None


@dataclass(frozen=True)
class _Complaint:
    code: str
    message: str
    request_id: str


def scrub(text: str, secret: str = "") -> str:
    """Shorten a provider's text and remove tokens and phone numbers.

    401.002.01 echoes the access token (documented); `secret` is the one that was sent.
    """
    if secret:
        text = text.replace(secret, "[removed]")
    text = _ECHOED_TOKEN.sub(r"\1[removed]", text)
    return _LONG_NUMBER.sub("[number]", text)[:MAX_MESSAGE_LENGTH]


def judge_answer(
    operation: str, answer: DarajaAnswer, *, reads: bool, secret: str = ""
) -> DarajaError | None:
    """Return the error for an answer, or None when its body is usable.

    `reads` marks calls that cannot move money; `secret` is scrubbed from messages.
    """
    complaint = _complaint(answer.body or {}, secret)
    if complaint.code or answer.status == 429:
        return _judge_complaint(operation, answer, complaint, reads=reads)
    if 200 <= answer.status < 300:
        if answer.body is not None:
            return None
        return OutcomeUnknown(
            "the answer is not a JSON object", operation=operation, http_status=answer.status
        )
    if reads and 400 <= answer.status < 500:
        return Refused(
            f"HTTP {answer.status} without an errorCode",
            operation=operation,
            http_status=answer.status,
            entry=error_entry(answer.status, "", ""),
        )
    return OutcomeUnknown(
        f"HTTP {answer.status} without an errorCode",
        operation=operation,
        http_status=answer.status,
        error_message=complaint.message,
    )


def _judge_complaint(
    operation: str, answer: DarajaAnswer, complaint: _Complaint, *, reads: bool
) -> DarajaError:
    entry = error_entry(answer.status, complaint.code, complaint.message)
    summary = f"HTTP {answer.status} {complaint.code} {complaint.message}".strip()
    if entry is None:
        refused = 400 <= answer.status < 500
    else:
        # "Is being processed" refuses a query, but leaves the outcome of a push unknown.
        refused = entry.final or (reads and entry.kind is not ErrorKind.AMBIGUOUS)
    if not refused:
        return OutcomeUnknown(
            summary,
            operation=operation,
            http_status=answer.status,
            error_code=complaint.code,
        )
    return (_REFUSALS.get(entry.kind, Refused) if entry is not None else Refused)(
        summary,
        operation=operation,
        http_status=answer.status,
        error_code=complaint.code,
        error_message=complaint.message,
        entry=entry,
        request_id=complaint.request_id,
        retry_after=answer.retry_after,
    )


def _complaint(body: Mapping[str, object], secret: str) -> _Complaint:
    """Read Daraja's own error body, or the `fault` of the gateway before it (observed)."""
    code = _text(body.get("errorCode"))
    message = _text(body.get("errorMessage")) or _text(body.get("ResponseMessage"))
    fault = body.get("fault")
    if not code and isinstance(fault, dict):
        detail = fault.get("detail")
        code = _text(detail.get("errorcode")) if isinstance(detail, dict) else ""
        code, message = code or "fault", _text(fault.get("faultstring"))
    request_id = _text(body.get("requestId"))  # a query's may be a CheckoutRequestID
    return _Complaint(
        scrub(code, secret),
        scrub(message, secret),
        "" if "ws_co_" in request_id.lower() else scrub(request_id, secret),
    )


def _text(value: object) -> str:
    if isinstance(value, bool):
        return ""
    return str(value).strip() if isinstance(value, str | int) else ""

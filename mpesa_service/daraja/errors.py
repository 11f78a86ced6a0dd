"""The errors of a call, by what they mean for the money.

DarajaError
├── NotSent             never sent, or no token available: no money moved
│   └── NotSetUp            nothing is sent until the configuration is fixed
├── OutcomeUnknown      Daraja may have acted: do not send it again, find the outcome
├── Refused             Daraja refused: no money moved
│   ├── InvalidToken        the access token was refused, also after one renewal
│   ├── Throttled           spike arrest, quota or overload; later, not now
│   ├── Duplicate           this OriginatorConversationID was used: the first one was accepted
│   ├── SubscriberBusy      another prompt is open on that phone, and alive
│   └── AlreadyRegistered   the shortcode's C2B URLs are registered already
└── UnreadableCallback  the posted bytes are not a callback

For `stk_query`, `transaction_status` and `account_balance`, Refused and OutcomeUnknown give no information
about the payment or the account. Messages and attributes contain no token, no credential and no phone
number. Every error can be pickled, so that one process can pass it to another.
"""

from typing import ClassVar

from mpesa_service.daraja.codes import ErrorCode


class DarajaError(Exception):
    """Base of all. `operation` names the call: stk_push, b2c_payment, transaction_status …

    The other attributes belong to an answer of Daraja. `http_status` is None if no status line arrived, and
    texts are "" if there were none. `entry` is the row of the code table, or None for a new code.
    `request_id` is Daraja's own, to be quoted to Safaricom's support. `retry_after` is in seconds, or None.
    """

    outcome: ClassVar[str] = "error"

    def __init__(
        self,
        message: str,
        *,
        operation: str = "",
        http_status: int | None = None,
        error_code: str = "",
        error_message: str = "",
        entry: ErrorCode | None = None,
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.operation = operation
        self.http_status = http_status
        self.error_code = error_code
        self.error_message = error_message
        self.entry = entry
        self.request_id = request_id
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.operation}: {self.args[0]}" if self.operation else str(self.args[0])


class NotSent(DarajaError):
    """Nothing was sent: name resolution, refused connection, TLS, set-up, or no token."""

    outcome = "not_sent"


class NotSetUp(NotSent):
    """Nothing was sent, and nothing will be: credentials are missing, unusable, or refused for a token.

    Also for a simulation on the production host.
    """

    outcome = "not_set_up"


class OutcomeUnknown(DarajaError):
    """Daraja may have acted on the request: time-out, reset, unreadable or ambiguous answer."""

    outcome = "unknown"


class Refused(DarajaError):
    """Daraja refused."""

    outcome = "refused"


class InvalidToken(Refused):
    """The access token is wrong, expired, replaced, or not allowed for this product."""

    outcome = "invalid_token"


class Throttled(Refused):
    """Refused before processing, because of missing capacity. `retry_after` is in seconds, or None."""

    outcome = "throttled"


class Duplicate(Refused):
    """The OriginatorConversationID was seen before, so the first request was accepted."""

    outcome = "duplicate"


class SubscriberBusy(Refused):
    """A prompt is open on that phone. This one was not made; the earlier one is alive."""

    outcome = "subscriber_busy"


class AlreadyRegistered(Refused):
    """The C2B URLs are registered; production changes them in the portal only (documented)."""

    outcome = "already_registered"


class UnreadableCallback(DarajaError):
    """The posted bytes are not a callback of the expected kind. Store them for a person."""

    outcome = "unreadable"

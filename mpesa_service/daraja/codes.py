"""The shape of the code tables.

The tables themselves are `stk_results`, `command_results` and `error_codes`. Each row has the
certainty of its meaning: documented (Safaricom's portal documentation), observed (seen by independent
integrators in the sandbox or in production), reported (one public source), assumed (ours).
"""

from dataclasses import KW_ONLY, dataclass
from enum import StrEnum

from mpesa_service.domain.reports import Outcome


class Confidence(StrEnum):
    """How certain a row is, best first."""

    DOCUMENTED = "documented"
    OBSERVED = "observed"
    REPORTED = "reported"
    ASSUMED = "assumed"


class ErrorKind(StrEnum):
    """What a refusal is about, which decides what the caller can do."""

    REQUEST = "request"  # malformed: fix the caller
    SETUP = "setup"  # credentials, product or shortcode: fix the configuration
    TOKEN = "token"  # noqa: S105 - renew once, send once more
    SPIKE = "spike"  # too fast: wait a moment
    QUOTA = "quota"  # used up: wait long
    MAINTENANCE = "maintenance"
    SUBSCRIBER_BUSY = "subscriber_busy"
    DUPLICATE = "duplicate"
    REGISTERED = "registered"
    PENDING = "pending"  # a query came before the verdict
    UNKNOWN_ID = "unknown_id"  # a query for an id that is not, or not yet, known
    AMBIGUOUS = "ambiguous"  # may have been acted upon


_OPEN_KINDS = frozenset({ErrorKind.PENDING, ErrorKind.UNKNOWN_ID, ErrorKind.AMBIGUOUS})


@dataclass(frozen=True)
class ResultCode:
    """One ResultCode of a callback, a query or a command result.

    `resend_safe`: whether a new request for the same
    money cannot pay twice; `say` is for reading aloud to the customer; `credential_fault` marks
    codes of a rejected initiator, after which every further attempt can lock it; `advice` is
    what the operator can check or do, or None; `known` is False for a code that is in no table.
    """

    code: str
    meaning: str
    say: str
    confidence: Confidence
    _: KW_ONLY
    outcome: Outcome = Outcome.FAILED
    resend_safe: bool = True
    credential_fault: bool = False
    advice: str | None = None
    known: bool = True

    @property
    def final(self) -> bool:
        """Whether polling may stop."""
        return self.outcome not in {Outcome.PENDING, Outcome.UNCLEAR}


@dataclass(frozen=True, kw_only=True)
class ErrorCode:
    """One errorCode. Where Daraja overloads it, a fragment of its message distinguishes the meanings.

    `http_status` is the usual one, for the reader; only rows without a code are matched by it.
    `fragment` is lower case; "" matches any message. `resend_safe`: the request was refused
    before any money instruction, so the same thing sent again cannot pay twice. `advice` is for the
    operator, or None.
    """

    code: str
    http_status: int
    fragment: str
    meaning: str
    resend_safe: bool
    kind: ErrorKind
    say: str
    confidence: Confidence
    advice: str | None = None

    @property
    def final(self) -> bool:
        """Whether this settles the request it answers; a query's refusal settles nothing."""
        return self.kind not in _OPEN_KINDS


def unclear(code: str) -> ResultCode:
    """The row for a code that is in no table. It needs manual review."""
    return ResultCode(
        code=code,
        meaning="A code that is in no table; it must be looked up before a decision.",
        outcome=Outcome.UNCLEAR,
        resend_safe=False,
        say="M-Pesa gave an answer that we have to check by hand. Please do not pay again yet.",
        confidence=Confidence.ASSUMED,
        known=False,
    )

"""The error responses of Daraja and of the control API.

Sources of codes and texts: the portal's error pages. The Apigee `fault` body was observed on the sandbox's
STK query.
"""

import re

from daraja_simulator import ids
from daraja_simulator.wire import Json

_SECRETS = ("Password", "SecurityCredential")
_LONG_NUMBER = re.compile(r"[0-9]{9,}")
_LONGEST_SHOWN = 60


class DarajaError(Exception):
    """An error in Daraja's common form: `requestId`, `errorCode`, `errorMessage`.

    `reason` says what Daraja's message does not: the field, its value and the limit. It is never on the wire.
    """

    def __init__(
        self, status: int, code: str, message: str, request_id: str | None = None, reason: str = ""
    ) -> None:
        super().__init__(f"{code} {message}")
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id or ids.request_id()
        self.reason = reason

    def body(self) -> Json:
        """Return the JSON of the response."""
        return {
            "requestId": self.request_id,
            "errorCode": self.code,
            "errorMessage": self.message,
        }


class SpikeArrestError(DarajaError):
    """The API gateway's rate limit error, which has no `errorCode`."""

    def __init__(self) -> None:
        super().__init__(429, "policies.ratelimit.SpikeArrestViolation", "Spike arrest violation.")

    def body(self) -> Json:
        """Return the gateway's form, with the limit that the sandbox states."""
        rate = "messagesPerPeriod=5, periodInMicroseconds=60000000, maxBurstMessageCount=1.0"
        return {
            "fault": {
                "faultstring": f"{self.message} Allowed rate : MessageRate{{{rate}}}",
                "detail": {"errorcode": self.code},
            }
        }


class ControlError(Exception):
    """An error of the control API: its JSON has the message as `error`."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def invalid_field(field: str, value: object, limit: str) -> DarajaError:
    """Return the error for a missing or malformed field. `limit` says what a valid value is."""
    reason = f"{field} is {_shown(field, value)}; {limit}"
    return DarajaError(400, "400.002.02", f"Bad Request - Invalid {field}", reason=reason)


def generic_error(message: str, reason: str = "") -> DarajaError:
    """Return error 500.001.1001, which Daraja uses for many causes. Only the message differs."""
    return DarajaError(500, "500.001.1001", message, reason=reason)


def spike_arrest_error(style: str) -> DarajaError:
    """Return the rate limit error: the gateway's (`429`) or the documented one (`500`)."""
    if style == "429":
        return SpikeArrestError()
    return DarajaError(500, "500.003.02", "Error Occurred: Spike Arrest Violation")


def _shown(field: str, value: object) -> str:
    """Return a value for a person, without secrets and whole phone numbers."""
    if value is None or value == "":
        return "missing"
    text = ascii(value)
    if field in _SECRETS:
        return f"a value of {len(str(value))} characters"
    shown = _LONG_NUMBER.sub(lambda found: f"{found[0][:6]}***{found[0][-3:]}", text)
    return (
        shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}… ({len(str(value))} characters)"
    )

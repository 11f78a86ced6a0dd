"""The error responses of Daraja and of the control API.

Sources of codes and texts: the portal's error pages. The Apigee `fault` body was observed on the sandbox's
STK query.
"""

from daraja_simulator import ids
from daraja_simulator.wire import Json


class DarajaError(Exception):
    """An error in Daraja's common form: `requestId`, `errorCode`, `errorMessage`."""

    def __init__(self, status: int, code: str, message: str, request_id: str | None = None) -> None:
        super().__init__(f"{code} {message}")
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id or ids.request_id()

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


def invalid_field(field: str) -> DarajaError:
    """Return the error for a missing or malformed field."""
    return DarajaError(400, "400.002.02", f"Bad Request - Invalid {field}")


def generic_error(message: str) -> DarajaError:
    """Return error 500.001.1001, which Daraja uses for many causes. Only the message differs."""
    return DarajaError(500, "500.001.1001", message)


def spike_arrest_error(style: str) -> DarajaError:
    """Return the rate limit error: the gateway's (`429`) or the documented one (`500`)."""
    if style == "429":
        return SpikeArrestError()
    return DarajaError(500, "500.003.02", "Error Occurred: Spike Arrest Violation")

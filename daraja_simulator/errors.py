"""How Daraja refuses, and how the control API does.

Codes and texts: the portal's error pages; the Apigee `fault` body was seen on the sandbox's STK
query.
"""

from daraja_simulator import ids
from daraja_simulator.wire import Json


class DarajaError(Exception):
    """A refusal in Daraja's common form: `requestId`, `errorCode`, `errorMessage`."""

    def __init__(self, status: int, code: str, message: str, request_id: str | None = None) -> None:
        super().__init__(f"{code} {message}")
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id or ids.request_id()

    def body(self) -> Json:
        """Return the JSON that goes out."""
        return {
            "requestId": self.request_id,
            "errorCode": self.code,
            "errorMessage": self.message,
        }


class SpikeArrestError(DarajaError):
    """The gateway's own rate limit answer, which has no `errorCode`."""

    def __init__(self) -> None:
        super().__init__(429, "policies.ratelimit.SpikeArrestViolation", "Spike arrest violation.")

    def body(self) -> Json:
        """Return the gateway's shape with the limit that the sandbox prints."""
        rate = "messagesPerPeriod=5, periodInMicroseconds=60000000, maxBurstMessageCount=1.0"
        return {
            "fault": {
                "faultstring": f"{self.message} Allowed rate : MessageRate{{{rate}}}",
                "detail": {"errorcode": self.code},
            }
        }


class ControlError(Exception):
    """A refusal of the simulator's own API: `error` with the reason, under an HTTP status."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def invalid(field: str) -> DarajaError:
    """Return the answer to a field that is missing or malformed."""
    return DarajaError(400, "400.002.02", f"Bad Request - Invalid {field}")


def merchant(message: str) -> DarajaError:
    """Return the overloaded 500.001.1001, whose message alone tells what is meant."""
    return DarajaError(500, "500.001.1001", message)


def spike_arrest(style: str) -> DarajaError:
    """Return the rate-limit answer: the gateway's fault (`429`) or the documented one (`500`)."""
    if style == "429":
        return SpikeArrestError()
    return DarajaError(500, "500.003.02", "Error Occurred: Spike Arrest Violation")

"""Every error that a client of the API can see. All have the same shape.

    ServiceError                      status, code and message for the caller
    ├── InvalidRequest      400      the body or a parameter is wrong
    │   ├── InvalidPhone
    │   └── InvalidAmount
    ├── Unauthenticated     401      no token, or one that is not valid
    ├── Forbidden           403      the token does not have the role
    ├── NotFound            404      does not exist, or belongs to another caller
    ├── Conflict            409      the current state does not allow it
    │   └── TryLater        409      … but may soon: carries Retry-After
    ├── KeyReused           422      an idempotency key with another body
    ├── LimitExceeded       429      carries Retry-After
    ├── ProviderRefused     502      M-Pesa refused the request
    └── Unavailable         503      this service or M-Pesa is not available: carries Retry-After

`code` is a stable slug for programs, and `message` is a sentence for people. Any other exception becomes a
500 with code `internal_error` and no details. The details are in the log, under the same request id.
"""

from collections.abc import Mapping


class ServiceError(Exception):
    """An error that the caller receives.

    `details` may contain ids that help the caller, such as that of the payment that blocks the request. It
    never contains data of another caller's object.
    """

    status = 500
    code = "internal_error"
    error = "Internal Server Error"
    message = "Internal error. Nothing is lost. Give the request id to the operator."
    retry_after: int | None = None

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        details: Mapping[str, object] | None = None,
        retry_after: int | None = None,
    ) -> None:
        self.message = message or type(self).message
        self.code = code or type(self).code
        self.details = dict(details or {})
        self.retry_after = retry_after if retry_after is not None else type(self).retry_after
        super().__init__(self.message)

    def body(self, request_id: str) -> dict[str, object]:
        """Return the JSON body that every error of the API has, with `details` if there are any."""
        body: dict[str, object] = {
            "error": self.error,
            "message": self.message,
            "code": self.code,
            "requestId": request_id,
        }
        if self.details:
            body["details"] = self.details
        return body


class InvalidRequest(ServiceError):
    status = 400
    code = "invalid_request"
    error = "Bad Request"
    message = "The request is not valid."


class InvalidPhone(InvalidRequest):
    code = "invalid_phone_number"
    message = "Invalid phone number format. Use 254XXXXXXXXX, 0XXXXXXXXX, or XXXXXXXXX"


class InvalidAmount(InvalidRequest):
    code = "invalid_amount"
    message = "Amount must be a whole number of shillings, such as 100."


class Unauthenticated(ServiceError):
    status = 401
    code = "unauthenticated"
    error = "Unauthorized"
    message = "A valid bearer token is required: Authorization: Bearer <token>."


class Forbidden(ServiceError):
    status = 403
    code = "forbidden"
    error = "Forbidden"
    message = "This request requires a role that the token does not have."


class NotFound(ServiceError):
    status = 404
    code = "not_found"
    error = "Not Found"
    message = "There is no such payment."


class Conflict(ServiceError):
    status = 409
    code = "conflict"
    error = "Conflict"
    message = "The current state does not allow this."


class TryLater(Conflict):
    code = "try_later"
    message = "Another operation is still in progress. Try again shortly."
    retry_after = 1


class KeyReused(ServiceError):
    status = 422
    code = "idempotency_key_reused"
    error = "Unprocessable Entity"
    message = "This Idempotency-Key was used before with another request. Use a new key."


class LimitExceeded(ServiceError):
    status = 429
    code = "rate_limited"
    error = "Too Many Requests"
    message = "Too many requests. Wait before trying again."
    retry_after = 60


class ProviderRefused(ServiceError):
    status = 502
    code = "provider_refused"
    error = "Bad Gateway"
    message = "M-Pesa refused the request. No money moved."


class Unavailable(ServiceError):
    status = 503
    code = "unavailable"
    error = "Service Unavailable"
    message = "The service cannot do this right now. Nothing was done; try again."
    retry_after = 5

"""Every error that a client of the API can see, and the one shape they all take.

    ServiceError                      what the caller gets: status, code, message
    ├── InvalidRequest      400      the body or a parameter is wrong
    │   ├── InvalidPhone
    │   └── InvalidAmount
    ├── Unauthenticated     401      no token, or one that is not believed
    ├── Forbidden           403      a token, but not the role
    ├── NotFound            404      no such thing, or not the caller's
    ├── Conflict            409      the state of things forbids it
    │   └── TryLater        409      … for a while: carries Retry-After
    ├── KeyReused           422      an idempotency key with another body
    ├── LimitExceeded       429      carries Retry-After
    ├── ProviderRefused     502      M-Pesa answered, and no
    └── Unavailable         503      ours or M-Pesa's trouble, nothing was done: carries Retry-After

`code` is a stable slug for programs, `message` a sentence for people. Whatever else goes wrong is a
500 with code `internal_error` and no detail: the detail is in the log, under the same request id.
"""

from collections.abc import Mapping


class ServiceError(Exception):
    """An outcome that the caller is told about.

    `details` may carry ids that help the caller on (the payment that stands in the way, say); never
    anything about somebody else's object.
    """

    status = 500
    code = "internal_error"
    error = "Internal Server Error"
    message = "Something went wrong on our side. Nothing is lost; ask again with the request id."
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
        """Return the JSON body that every error of the API has."""
        return error_body(self.error, self.message, self.code, request_id, self.details)


def error_body(
    error: str,
    message: str,
    code: str,
    request_id: str,
    details: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """Assemble the one error shape: `error`, `message`, `code`, `requestId`, and `details` if any."""
    body: dict[str, object] = {
        "error": error,
        "message": message,
        "code": code,
        "requestId": request_id,
    }
    if details:
        body["details"] = dict(details)
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
    message = "Amount must be a whole number of shillings."


class Unauthenticated(ServiceError):
    status = 401
    code = "unauthenticated"
    error = "Unauthorized"
    message = "A valid bearer token is needed: Authorization: Bearer <token>."


class Forbidden(ServiceError):
    status = 403
    code = "forbidden"
    error = "Forbidden"
    message = "This needs a role that the token does not carry."


class NotFound(ServiceError):
    status = 404
    code = "not_found"
    error = "Not Found"
    message = "There is no such payment."


class Conflict(ServiceError):
    status = 409
    code = "conflict"
    error = "Conflict"
    message = "The present state does not allow this."


class TryLater(Conflict):
    code = "try_later"
    message = "Something is still under way. Try again shortly."
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

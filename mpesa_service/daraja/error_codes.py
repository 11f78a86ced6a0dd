"""The errorCodes of HTTP answers. Several have more than one meaning, which the message distinguishes."""

from mpesa_service.daraja import advice
from mpesa_service.daraja.codes import Confidence, ErrorCode, ErrorKind

_DOCUMENTED = Confidence.DOCUMENTED
_OBSERVED = Confidence.OBSERVED
_REPORTED = Confidence.REPORTED

_OURS_SAY = "The request could not be made because of a fault on our side. No money has moved."
_BUSY_SAY = "M-Pesa is busy. No money has moved. Please try again in a few minutes."
_CHECK_SAY = "M-Pesa did not say clearly whether it took the request. Please wait; we are checking."
_WAIT_SAY = "M-Pesa is still working on it. Please wait a moment."
_DONE_SAY = "The request was made before, and M-Pesa accepted it then."

_SAYS = {
    ErrorKind.SPIKE: _BUSY_SAY,
    ErrorKind.QUOTA: _BUSY_SAY,
    ErrorKind.MAINTENANCE: "M-Pesa is under maintenance. No money has moved. Please try later.",
    ErrorKind.SUBSCRIBER_BUSY: (
        "Another M-Pesa request is open on the phone. Answer that one, or wait a minute."
    ),
    ErrorKind.DUPLICATE: _DONE_SAY,
    ErrorKind.REGISTERED: _DONE_SAY,
    ErrorKind.PENDING: _WAIT_SAY,
    ErrorKind.UNKNOWN_ID: _WAIT_SAY,
    ErrorKind.AMBIGUOUS: _CHECK_SAY,
}
_ADVICE = {
    ErrorKind.REQUEST: advice.REQUEST,
    ErrorKind.TOKEN: advice.BEARER,
    ErrorKind.SPIKE: advice.SPIKE,
    ErrorKind.QUOTA: advice.QUOTA,
    ErrorKind.REGISTERED: advice.REGISTERED,
}
_SAFE = frozenset({ErrorKind.TOKEN, ErrorKind.SPIKE, ErrorKind.QUOTA, ErrorKind.MAINTENANCE})


def _row(
    code: str,
    http_status: int,
    fragment: str,
    meaning: str,
    kind: ErrorKind,
    confidence: Confidence = _DOCUMENTED,
    *,
    advice: str | None = None,
) -> ErrorCode:
    return ErrorCode(
        code=code,
        http_status=http_status,
        fragment=fragment,
        meaning=meaning,
        resend_safe=kind in _SAFE,
        kind=kind,
        say=_SAYS.get(kind, _OURS_SAY),
        confidence=confidence,
        advice=advice or _ADVICE.get(kind),
    )


_K = ErrorKind
_BAD_BEARER = "The access token is wrong, expired or replaced, or is not meant for this product."
_FAULT = "An internal error: it is not known how far the request got."
_ID = "400.002.02"
_STK = "500.001.1001"
_B2C = "500.002.1001"
_C2B = "500.003.1001"

# Within one code, rows with a fragment stand before the one that takes the rest.
ERROR_CODES: tuple[ErrorCode, ...] = (
    _row(_ID, 400, "checkoutrequestid", "Queried too early, or no such id.", _K.UNKNOWN_ID),
    _row(_ID, 400, "", "A field is missing or malformed, or not sent as JSON.", _K.REQUEST),
    _row("400.002.05", 400, "", "The body is not as documented.", _K.REQUEST),
    _row("400.003.01", 400, "", _BAD_BEARER, _K.TOKEN),
    _row("400.003.02", 400, "", "Something is missing from the request.", _K.REQUEST),
    _row("400.008.01", 400, "", "The consumer key or secret was not accepted.", _K.SETUP, advice=advice.KEYS),
    _row("400.008.02", 400, "", "The grant type was not accepted.", _K.SETUP, advice=advice.ADDRESS),
    _row("401.001", 401, "", _BAD_BEARER, _K.TOKEN),
    _row("401.002.01", 401, "", _BAD_BEARER, _K.TOKEN),
    _row(
        "401.003.01",
        401,
        "",
        "The app lacks this API product or version.",
        _K.SETUP,
        _REPORTED,
        advice=advice.PRODUCT,
    ),
    _row("404.001.01", 404, "", "The path is wrong.", _K.SETUP, advice=advice.ADDRESS),
    _row("404.002.01", 404, "", "The path is wrong.", _K.SETUP, advice=advice.ADDRESS),
    _row("404.003.01", 404, "", "The path is wrong.", _K.SETUP, advice=advice.ADDRESS),
    _row("404.001.03", 404, "", _BAD_BEARER, _K.TOKEN),
    _row(
        "404.001.04",
        404,
        "",
        "The method or the authorization header is wrong.",
        _K.SETUP,
        advice=advice.ADDRESS,
    ),
    _row(
        "TP40153",
        403,
        "",
        "The initiator lacks the permission, or does not belong to the organization.",
        _K.SETUP,
        Confidence.ASSUMED,
        advice=advice.ROLE,
    ),
    _row("405.001", 405, "", "The method is not allowed.", _K.SETUP, advice=advice.ADDRESS),
    _row(
        _STK, 500, "merchant does not exist", "The shortcode is not known.", _K.SETUP, advice=advice.SHORTCODE
    ),
    _row(
        _STK,
        500,
        "wrong credentials",
        "Password, shortcode and timestamp disagree.",
        _K.SETUP,
        advice=advice.PASSKEY,
    ),
    _row(
        _STK,
        500,
        "unable to lock subscriber",
        "A prompt is open on that phone; it is alive, and this one was not made.",
        _K.SUBSCRIBER_BUSY,
        _OBSERVED,
    ),
    _row(_STK, 500, "is being processed", "No verdict yet.", _K.PENDING, _OBSERVED),
    _row(
        _STK,
        500,
        "transaction does not exist",
        "The id is not known, or, for a while, not found.",
        _K.UNKNOWN_ID,
        _OBSERVED,
    ),
    _row(_STK, 500, "", _FAULT, _K.AMBIGUOUS),
    _row(_B2C, 500, "duplicate", "The id was used: the first was accepted.", _K.DUPLICATE),
    _row(_B2C, 500, "maintenance", "The service is under maintenance.", _K.MAINTENANCE),
    _row(_B2C, 500, "", _FAULT, _K.AMBIGUOUS, _REPORTED),
    _row("00.002.1001", 500, "", "The service is under maintenance.", _K.MAINTENANCE),
    _row("500.003.02", 500, "", "Spike arrest, or the system is busy.", _K.SPIKE),
    _row("500.003.03", 500, "", "The quota is used up.", _K.QUOTA),
    _row(_C2B, 500, "already registered", "The URLs are registered already.", _K.REGISTERED),
    _row(_C2B, 500, "duplicate notification", "The URLs are registered.", _K.REGISTERED),
    _row(_C2B, 500, "", _FAULT, _K.AMBIGUOUS),
    _row(
        "policies.ratelimit.SpikeArrestViolation",
        429,
        "",
        "The gateway's spike arrest.",
        _K.SPIKE,
        _OBSERVED,
    ),
    _row(
        "policies.ratelimit.QuotaViolation",
        429,
        "",
        "The gateway's quota is used up.",
        _K.QUOTA,
        Confidence.ASSUMED,
    ),
    _row("", 429, "", "Too many requests.", _K.SPIKE, Confidence.ASSUMED),
    _row(
        "",
        403,
        "",
        "The firewall's page: too many calls or odd headers; probably not processed.",
        _K.AMBIGUOUS,
        _REPORTED,
        advice=advice.FIREWALL,
    ),
)

NO_PRODUCT = next(row for row in ERROR_CODES if row.code == "401.003.01")


def error_entry(http_status: int, error_code: str, message: str) -> ErrorCode | None:
    """Find the row for an answer; None when the table does not know it.

    "no apiproduct match found" means a missing product under whatever code it comes: renewing
    the token, which the rest of that message suggests, would not help.
    """
    text = message.lower()
    if error_code and "no apiproduct match" in text:
        return NO_PRODUCT
    for row in ERROR_CODES:
        same = row.code == error_code if error_code else not row.code
        if same and row.fragment in text and (error_code or row.http_status == http_status):
            return row
    if error_code and http_status == 429:
        return error_entry(429, "", message)
    return None

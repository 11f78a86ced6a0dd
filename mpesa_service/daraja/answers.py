"""Reads the body of a 2xx answer into a typed value, or raises the error that gives the reason."""

from mpesa_service.daraja.errors import AlreadyRegistered, OutcomeUnknown, Refused
from mpesa_service.daraja.messages import (
    CommandAccepted,
    SimulationAccepted,
    StkPushAccepted,
    StkQueryAnswer,
    UrlsRegistered,
)
from mpesa_service.daraja.stk_results import stk_result
from mpesa_service.daraja.values import normalize_code
from mpesa_service.daraja.verdicts import DarajaAnswer, scrub

MAX_ID_LENGTH = 128
MAX_TEXT_LENGTH = 1024
_REPETITIONS = ("already registered", "duplicate notification")


class AnswerReader:
    """Reads the fields of one answer. Wrong types under 2xx mean that Daraja may have acted."""

    def __init__(self, operation: str, answer: DarajaAnswer) -> None:
        self.operation = operation
        self.body = answer.body or {}
        self._status = answer.status

    def text(self, key: str) -> str:
        """Return an optional text; "" when it is absent or null."""
        value = self.body.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.unknown(f"{key} is not a text")
        return value[:MAX_TEXT_LENGTH]

    def identifier(self, key: str) -> str:
        """Return an id that must be there."""
        value = self.text(key).strip()
        if not 0 < len(value) <= MAX_ID_LENGTH:
            raise self.unknown(f"{key} is missing or too long")
        return value

    def code(self) -> str:
        """Return the ResponseCode in one spelling; "" when there is none."""
        value = self.body.get("ResponseCode")
        code = normalize_code(value)
        if value is not None and not code:
            raise self.unknown("ResponseCode is not a code")
        return code

    def accepted(self) -> str:
        """Return the ResponseCode when it says accepted; raise Refused for any other."""
        code = self.code()
        if not code:
            raise self.unknown("ResponseCode is missing")
        if code != "0":
            raise self.refused(Refused, code)
        return code

    def unknown(self, why: str) -> OutcomeUnknown:
        """Return the error for an answer that cannot be trusted."""
        return OutcomeUnknown(why, operation=self.operation, http_status=self._status)

    def refused(self, kind: type[Refused], code: str) -> Refused:
        """Return the error for a refusal under a 2xx status."""
        description = scrub(self.text("ResponseDescription"))
        return kind(
            f"ResponseCode {code} {description}".strip(),
            operation=self.operation,
            http_status=self._status,
            error_code=code,
            error_message=description,
        )


def read_stk_push(operation: str, answer: DarajaAnswer) -> StkPushAccepted:
    """Read the answer to a push. Without a CheckoutRequestID the outcome is unknown."""
    reader = AnswerReader(operation, answer)
    return StkPushAccepted(
        response_code=reader.accepted(),
        checkout_request_id=reader.identifier("CheckoutRequestID"),
        merchant_request_id=reader.text("MerchantRequestID"),
        response_description=reader.text("ResponseDescription"),
        customer_message=reader.text("CustomerMessage"),
        raw=reader.body,
    )


def read_stk_query(operation: str, answer: DarajaAnswer, checkout_id: str) -> StkQueryAnswer:
    """Read the answer to a query. An answer about another id is no result."""
    reader = AnswerReader(operation, answer)
    if reader.text("CheckoutRequestID") != checkout_id:
        raise reader.unknown("the answer is about another CheckoutRequestID")
    code = reader.body.get("ResultCode")
    verdict = code is not None and code != "" and reader.code() == "0"
    return StkQueryAnswer(
        result=stk_result(code) if verdict else None,
        result_desc=reader.text("ResultDesc"),
        raw=reader.body,
    )


def read_command(operation: str, answer: DarajaAnswer, ours: str) -> CommandAccepted:
    """Read the acknowledgement of a command; `ours` stands in for an id that is not echoed."""
    reader = AnswerReader(operation, answer)
    return CommandAccepted(
        response_code=reader.accepted(),
        conversation_id=reader.identifier("ConversationID"),
        originator_conversation_id=reader.text("OriginatorConversationID").strip() or ours,
        response_description=reader.text("ResponseDescription"),
        raw=reader.body,
    )


def read_registration(operation: str, answer: DarajaAnswer) -> UrlsRegistered:
    """Read the answer to a registration, whose id is misspelt on the wire (documented).

    Older answers have no ResponseCode. Their text says success or repetition (reported).
    """
    reader = AnswerReader(operation, answer)
    description = reader.text("ResponseDescription")
    if any(words in description.lower() for words in _REPETITIONS):
        raise reader.refused(AlreadyRegistered, reader.code())
    by_prose = not reader.code() and description.strip().lower() == "success"
    return UrlsRegistered(
        response_code="0" if by_prose else reader.accepted(),
        originator_conversation_id=_misspelt_id(reader),
        response_description=description,
        raw=reader.body,
    )


def read_simulation(operation: str, answer: DarajaAnswer) -> SimulationAccepted:
    """Read the answer to a simulated payment, with the same misspelling."""
    reader = AnswerReader(operation, answer)
    return SimulationAccepted(
        response_code=reader.accepted(),
        originator_conversation_id=_misspelt_id(reader),
        response_description=reader.text("ResponseDescription"),
        raw=reader.body,
    )


def _misspelt_id(reader: AnswerReader) -> str:
    return reader.text("OriginatorCoversationID") or reader.text("OriginatorConversationID")

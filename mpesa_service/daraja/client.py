"""The client: one method for each API, typed on both sides, and one rule for sending again.

A refused access token is renewed once and the request sent once more; a spike arrest is waited
out; both were refused before processing. Whatever may have been acted upon is repeated only if
it is a read.
"""

import random
import re
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

import requests

from mpesa_service.daraja.answers import (
    read_command,
    read_registration,
    read_stk_push,
    read_stk_query,
)
from mpesa_service.daraja.credentials import daraja_timestamp, security_credential, stk_password
from mpesa_service.daraja.errors import DarajaError, InvalidToken, NotSetUp, OutcomeUnknown
from mpesa_service.daraja.messages import (
    B2cPayment,
    CommandAccepted,
    RegisterUrls,
    StkPush,
    StkPushAccepted,
    StkQueryAnswer,
    TransactionStatusQuery,
    UrlsRegistered,
)
from mpesa_service.daraja.retries import Pauses, may_retry
from mpesa_service.daraja.settings import DarajaSettings
from mpesa_service.daraja.tokens import InMemoryTokenStore, Token, TokenSource, TokenStore, utc_now
from mpesa_service.daraja.transport import Call, Transport
from mpesa_service.daraja.verdicts import Answer

OAUTH_PATH = "/oauth/v1/generate?grant_type=client_credentials"
STK_PUSH_PATH = "/mpesa/stkpush/v1/processrequest"
STK_QUERY_PATH = "/mpesa/stkpushquery/v1/query"
STATUS_PATH = "/mpesa/transactionstatus/v1/query"
SHORTCODE_PARTY = "4"
LONGEST_TOKEN_LIFE = 24 * 3600

_TOKEN = re.compile(r"[\x21-\x7e]{1,2048}")
_SECONDS = re.compile(r"[0-9]{1,6}")

Body = Mapping[str, object]


class DarajaClient:
    """Talks to Daraja for one app. Safe to share between threads; make one a process.

    `token_store` is shared by all processes of the app; without one the token stays in memory.
    `clock` returns aware moments. Every method raises NotSent, OutcomeUnknown or Refused.
    """

    def __init__(
        self,
        settings: DarajaSettings,
        token_store: TokenStore | None = None,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
        session: requests.Session | None = None,
        rng: random.Random | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._sleep = sleep
        self._rng = rng if rng is not None else random.Random()
        self._monotonic = monotonic
        self._transport = Transport(
            settings.base_url,
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
            session=session,
            monotonic=monotonic,
        )
        store = token_store if token_store is not None else InMemoryTokenStore(clock)
        self._tokens = TokenSource(store, self._fetch_token, clock, sleep)

    def close(self) -> None:
        """Close idle connections; the client stays usable."""
        self._transport.close()

    def stk_push(self, push: StkPush) -> StkPushAccepted:
        """Ask the customer's phone for a PIN. Never repeated once it may have been received.

        Two pushes are two prompts and two payments: Daraja knows no idempotency here. Raises
        SubscriberBusy when another prompt is open on that phone.
        """
        settings = self._settings

        def body() -> Body:
            return {
                **self._signed(),
                "TransactionType": settings.transaction_type,
                "Amount": push.amount,
                "PartyA": push.msisdn,
                "PartyB": settings.receiving_party,
                "PhoneNumber": push.msisdn,
                "CallBackURL": push.callback_url,
                "AccountReference": push.account_reference,
                "TransactionDesc": push.description,
            }

        answer = self._send("stk_push", STK_PUSH_PATH, body)
        return read_stk_push("stk_push", answer)

    def stk_query(self, checkout_request_id: str) -> StkQueryAnswer:
        """Ask what became of a push. Only a result that is not PENDING is a verdict.

        Refused and OutcomeUnknown are no information: even "does not exist" has been observed
        for an id that did. A verdict of failure may be wrong too where a callback said paid.
        """

        def body() -> Body:
            return {**self._signed(), "CheckoutRequestID": checkout_request_id}

        answer = self._send("stk_query", STK_QUERY_PATH, body, reads=True)
        return read_stk_query("stk_query", answer, checkout_request_id)

    def b2c_payment(self, payment: B2cPayment) -> CommandAccepted:
        """Queue a payout. Never repeated here once it may have been received.

        In v3 the caller may send the same id again; Duplicate then means that the first was
        accepted. Raises NotSent also when the initiator's credentials cannot be made up.
        """
        settings = self._settings
        credential = self._initiator_credential("b2c_payment")
        fields: dict[str, object] = {
            "InitiatorName": settings.initiator_name,
            "SecurityCredential": credential,
            "CommandID": settings.b2c_command,
            "Amount": payment.amount,
            "PartyA": settings.paying_party,
            "PartyB": payment.msisdn,
            "Remarks": payment.remarks,
            "QueueTimeOutURL": payment.timeout_url,
            "ResultURL": payment.result_url,
        }
        if settings.b2c_version == "v3":
            fields["OriginatorConversationID"] = payment.originator_conversation_id
        if payment.occasion:
            fields["Occassion"] = payment.occasion  # the wire's own spelling
        path = f"/mpesa/b2c/{settings.b2c_version}/paymentrequest"
        answer = self._send("b2c_payment", path, lambda: fields)
        return read_command("b2c_payment", answer, payment.originator_conversation_id)

    def transaction_status(self, query: TransactionStatusQuery) -> CommandAccepted:
        """Ask what became of a transaction; the answer comes to the result address.

        Read it with `parse_status_result`, and match it on the ids returned here. A read: it is
        repeated like `stk_query`, so that more than one result may come. Refused and
        OutcomeUnknown are no information. Raises NotSent also when the initiator's credentials
        cannot be made up.
        """
        fields: dict[str, object] = {
            "Initiator": self._settings.initiator_name,
            "SecurityCredential": self._initiator_credential("transaction_status"),
            "CommandID": "TransactionStatusQuery",
            "PartyA": query.party or self._settings.paying_party,
            "IdentifierType": SHORTCODE_PARTY,
            "ResultURL": query.result_url,
            "QueueTimeOutURL": query.timeout_url,
            "Remarks": query.remarks,
        }
        if query.receipt is not None:
            fields["TransactionID"] = query.receipt
        else:
            fields["OriginalConversationID"] = query.original_conversation_id
        if query.occasion:
            fields["Occasion"] = query.occasion  # with one s here, unlike b2c_payment's
        answer = self._send("transaction_status", STATUS_PATH, lambda: fields, reads=True)
        return read_command("transaction_status", answer, "")

    def register_urls(self, urls: RegisterUrls) -> UrlsRegistered:
        """Register the C2B addresses of the shortcode. Raises AlreadyRegistered."""
        fields = {
            "ShortCode": self._settings.shortcode,
            "ResponseType": urls.response_type,
            "ConfirmationURL": urls.confirmation_url,
            "ValidationURL": urls.validation_url,
        }
        path = f"/mpesa/c2b/{self._settings.c2b_version}/registerurl"
        answer = self._send("register_urls", path, lambda: fields)
        return read_registration("register_urls", answer)

    def _signed(self) -> Body:
        """Shortcode, password and the timestamp inside it, made anew for each sending."""
        settings = self._settings
        timestamp = daraja_timestamp(self._clock())
        return {
            "BusinessShortCode": settings.shortcode,
            "Password": stk_password(settings.shortcode, settings.passkey, timestamp),
            "Timestamp": timestamp,
        }

    def _initiator_credential(self, operation: str) -> str:
        if not self._settings.initiator_name:
            raise NotSetUp("initiator_name is not set", operation=operation)
        try:
            return self._credential
        except (OSError, ValueError) as error:
            raise NotSetUp(f"no security credential: {error}", operation=operation) from error

    @cached_property
    def _credential(self) -> str:
        settings = self._settings
        if settings.security_credential:
            return settings.security_credential
        if not settings.initiator_password or not settings.certificate_path:
            raise ValueError("neither it nor password and certificate are set")
        certificate = Path(settings.certificate_path).read_bytes()
        return security_credential(settings.initiator_password, certificate)

    def _send(self, operation: str, path: str, body: Callable[[], Body], *, reads: bool = False) -> Answer:
        """Post with the shared token; renew it once if it is refused."""
        token = self._tokens.get()
        pauses = self._pauses()

        def attempt(bearer: str) -> Answer:
            def make() -> Call:
                return Call(
                    operation=operation,
                    method="POST",
                    path=path,
                    authorization=f"Bearer {bearer}",
                    body=body(),
                    reads=reads,
                )

            return self._persist(make, pauses)

        try:
            return attempt(token)
        except InvalidToken:
            pass
        return attempt(self._tokens.renew(token))

    def _persist(self, make: Callable[[], Call], pauses: Pauses) -> Answer:
        """Send, and send again after a pause where that cannot do harm."""
        while True:
            call = make()
            try:
                return self._transport.call(call)
            except DarajaError as error:
                if not may_retry(error, reads=call.reads):
                    raise
                at_least = getattr(error, "retry_after", None)
                if not pauses.take(at_least):
                    raise

    def _pauses(self) -> Pauses:
        return Pauses(self._sleep, self._rng, self._monotonic)

    def _fetch_token(self) -> Token:
        settings = self._settings
        pair = f"{settings.consumer_key}:{settings.consumer_secret}"
        call = Call(
            operation="oauth",
            method="GET",
            path=OAUTH_PATH,
            authorization=f"Basic {b64encode(pair.encode()).decode()}",
            reads=True,
        )
        asked_at = self._clock()
        body = self._persist(lambda: call, self._pauses()).body or {}
        value, life = body.get("access_token"), str(body.get("expires_in"))
        if not isinstance(value, str) or not _TOKEN.fullmatch(value):
            raise OutcomeUnknown("the answer holds no access token", operation="oauth")
        if not _SECONDS.fullmatch(life) or not 0 < int(life) <= LONGEST_TOKEN_LIFE:
            raise OutcomeUnknown("expires_in is no number of seconds", operation="oauth")
        return Token(value, asked_at + timedelta(seconds=int(life)))

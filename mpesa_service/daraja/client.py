"""The client: one method for each API, typed on both sides."""

import random
import time
from collections.abc import Callable
from datetime import datetime

import requests

from mpesa_service.daraja.answers import (
    read_command,
    read_registration,
    read_simulation,
    read_stk_push,
    read_stk_query,
)
from mpesa_service.daraja.commands import CommandBodies
from mpesa_service.daraja.credentials import daraja_timestamp, stk_password
from mpesa_service.daraja.errors import DarajaError, NotSetUp
from mpesa_service.daraja.messages import (
    B2bPayment,
    B2cPayment,
    BalanceQuery,
    CommandAccepted,
    RegisterUrls,
    Reversal,
    SimulatedC2b,
    SimulationAccepted,
    StkPush,
    StkPushAccepted,
    StkQueryAnswer,
    TransactionStatusQuery,
    UrlsRegistered,
)
from mpesa_service.daraja.pull import (
    PULL_QUERY_PATH,
    PULL_REGISTER_PATH,
    PullPage,
    PullQuery,
    PullRegistered,
    PullRegistration,
    page_of_error,
    read_pull_page,
    read_pull_registration,
)
from mpesa_service.daraja.sending import Body, Sender
from mpesa_service.daraja.settings import DarajaSettings
from mpesa_service.daraja.tokens import TokenStore, utc_now

STK_PUSH_PATH = "/mpesa/stkpush/v1/processrequest"
STK_QUERY_PATH = "/mpesa/stkpushquery/v1/query"
B2POCHI_PATH = "/mpesa/b2pochi/v1/paymentrequest"
B2B_PATH = "/mpesa/b2b/v1/paymentrequest"
REVERSAL_PATH = "/mpesa/reversal/v1/request"
STATUS_PATH = "/mpesa/transactionstatus/v1/query"
BALANCE_PATH = "/mpesa/accountbalance/v1/query"


class DarajaClient:
    """Calls Daraja for one app. Safe to share between threads; create one per process.

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
        self._sender = Sender(settings, token_store, clock, sleep, session, rng, monotonic)
        self._bodies = CommandBodies(settings)

    def close(self) -> None:
        """Close idle connections; the client stays usable."""
        self._sender.close()

    def stk_push(self, push: StkPush) -> StkPushAccepted:
        """Show a PIN prompt on the customer's phone. Never repeated once it may have been received.

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

        answer = self._sender.post("stk_push", STK_PUSH_PATH, body)
        return read_stk_push("stk_push", answer)

    def stk_query(self, checkout_request_id: str) -> StkQueryAnswer:
        """Query the outcome of a push. Only a result that is not PENDING is a verdict.

        Refused and OutcomeUnknown are no information: even "does not exist" has been observed
        for an id that did exist. A verdict of failure can also be wrong, if a callback reported paid.
        """

        def body() -> Body:
            return {**self._signed(), "CheckoutRequestID": checkout_request_id}

        answer = self._sender.post("stk_query", STK_QUERY_PATH, body, reads=True)
        return read_stk_query("stk_query", answer, checkout_request_id)

    def b2c_payment(self, payment: B2cPayment) -> CommandAccepted:
        """Queue a payout. Never repeated here once it may have been received.

        In v3 the caller may send the same id again; Duplicate then means that the first was
        accepted. Raises NotSent also when the initiator's credentials cannot be built.
        """
        path = f"/mpesa/b2c/{self._settings.b2c_version}/paymentrequest"
        return self._command(
            "b2c_payment", path, self._bodies.b2c_payment(payment), payment.originator_conversation_id
        )

    def b2pochi_payment(self, payment: B2cPayment) -> CommandAccepted:
        """Queue a payout to a Pochi la Biashara, like `b2c_payment` in v3.

        It always carries the caller's id, so Duplicate means that the first was accepted. The
        payment's `command` does not apply.
        """
        return self._command(
            "b2pochi_payment",
            B2POCHI_PATH,
            self._bodies.b2pochi_payment(payment),
            payment.originator_conversation_id,
        )

    def b2b_payment(self, payment: B2bPayment) -> CommandAccepted:
        """Queue a payment to another business. Never repeated once it may have been received.

        Daraja takes no id of ours here: after OutcomeUnknown, find the outcome and do not send it again.
        """
        return self._command("b2b_payment", B2B_PATH, self._bodies.b2b_payment(payment))

    def reverse(self, reversal: Reversal) -> CommandAccepted:
        """Queue the return of a payment. Never repeated here once it may have been received.

        Daraja takes no id of ours here, but reverses a receipt only once: a second attempt ends in
        ALREADY_REVERSED. Raises NotSent also when the initiator's credentials cannot be built.
        """
        return self._command("reverse", REVERSAL_PATH, self._bodies.reverse(reversal))

    def transaction_status(self, query: TransactionStatusQuery) -> CommandAccepted:
        """Request the status of a transaction. The answer arrives at the result address.

        Read it with `parse_status_result`, and match it on the ids returned here. A read: it is
        repeated like `stk_query`, so that more than one result may come. Refused and
        OutcomeUnknown are no information. Raises NotSent also when the initiator's credentials
        cannot be made up.
        """
        return self._command(
            "transaction_status", STATUS_PATH, self._bodies.transaction_status(query), reads=True
        )

    def account_balance(self, query: BalanceQuery) -> CommandAccepted:
        """Request the balances of a shortcode's accounts. The answer arrives at the result address.

        Read it with `parse_balance_result`. A read, repeated like `transaction_status`.
        """
        return self._command("account_balance", BALANCE_PATH, self._bodies.account_balance(query), reads=True)

    def register_urls(self, urls: RegisterUrls) -> UrlsRegistered:
        """Register the C2B addresses of the shortcode. Raises AlreadyRegistered.

        Callbacks of v1 hash the payer's number, those of v2 mask it (documented).
        """
        fields = {
            "ShortCode": self._settings.shortcode,
            "ResponseType": urls.response_type,
            "ConfirmationURL": urls.confirmation_url,
            "ValidationURL": urls.validation_url,
        }
        path = f"/mpesa/c2b/{self._settings.c2b_version}/registerurl"
        answer = self._sender.post("register_urls", path, lambda: fields)
        return read_registration("register_urls", answer)

    def pull_register(self, registration: PullRegistration) -> PullRegistered:
        """Register a shortcode for pulls, once. A second registration changes nothing."""
        fields = {
            "ShortCode": registration.shortcode,
            "RequestType": "Pull",
            "NominatedNumber": registration.nominated_number,
            "CallBackURL": registration.callback_url,
        }
        answer = self._sender.post("pull_register", PULL_REGISTER_PATH, lambda: fields, reads=True)
        return read_pull_registration("pull_register", answer)

    def pull_query(self, query: PullQuery) -> PullPage:
        """Return one page of the money that a shortcode received. A read, repeated like `stk_query`."""
        fields = query.body()
        try:
            answer = self._sender.post("pull_query", PULL_QUERY_PATH, lambda: fields, reads=True)
        except DarajaError as error:
            if (page := page_of_error(error)) is not None:
                return page
            raise
        return read_pull_page("pull_query", answer)

    def c2b_simulate(self, payment: SimulatedC2b) -> SimulationAccepted:
        """Simulate a customer's payment in the sandbox, which then calls the registered addresses.

        Production has no simulation: NotSetUp is raised, and nothing is sent.
        """
        if self._settings.is_production:
            raise NotSetUp("production simulates no payments", operation="c2b_simulate")
        fields = {
            "ShortCode": self._settings.shortcode,
            "CommandID": payment.command,
            "Amount": payment.amount,
            "Msisdn": payment.msisdn,
            "BillRefNumber": payment.bill_reference or None,
        }
        path = f"/mpesa/c2b/{self._settings.c2b_version}/simulate"
        answer = self._sender.post("c2b_simulate", path, lambda: fields)
        return read_simulation("c2b_simulate", answer)

    def _command(
        self, operation: str, path: str, fields: Body, ours: str = "", *, reads: bool = False
    ) -> CommandAccepted:
        answer = self._sender.post(operation, path, lambda: fields, reads=reads)
        return read_command(operation, answer, ours)

    def _signed(self) -> Body:
        """Shortcode, password and the timestamp inside it, created for each request."""
        settings = self._settings
        timestamp = daraja_timestamp(self._clock())
        return {
            "BusinessShortCode": settings.shortcode,
            "Password": stk_password(settings.shortcode, settings.passkey, timestamp),
            "Timestamp": timestamp,
        }

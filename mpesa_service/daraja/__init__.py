"""A client for Safaricom's Daraja API (M-Pesa), usable without the rest of this service.

It needs `requests` and `cryptography`, and neither Flask nor a database:

    from mpesa_service.daraja import (
        DarajaClient, DarajaSettings, NotSent, OutcomeUnknown, Refused, StkPush)

    client = DarajaClient(DarajaSettings(
        base_url="https://sandbox.safaricom.co.ke", consumer_key="…", consumer_secret="…",
        shortcode="174379", passkey="…"))
    push = StkPush(amount=1, msisdn="254708374149", account_reference="ORDER-1",
                   description="Shoes", callback_url="https://shop.example/paid/8f1c")
    try:
        print(client.stk_push(push).customer_message)
    except (NotSent, Refused) as error:
        print("no prompt was sent:", error)
    except OutcomeUnknown as error:
        print("there may be a prompt; wait for the callback and do not push again:", error)

Read M-Pesa's callbacks with `parse_stk_callback` and `parse_command_result`. Read the answers to
`transaction_status` and `account_balance` with `parse_status_result` and `parse_balance_result`. Read
the reports of C2B payments with `parse_c2b`.
"""

from mpesa_service.daraja.c2b_callbacks import (
    C2bPayment,
    C2bRejection,
    PayerKind,
    parse_c2b,
    payer_agrees,
    payer_kind_of,
    payer_matches,
)
from mpesa_service.daraja.callbacks import (
    BalanceResult,
    CommandResult,
    ReportedBalance,
    StatusResult,
    parse_balance_result,
    parse_command_result,
    parse_status_result,
)
from mpesa_service.daraja.client import DarajaClient
from mpesa_service.daraja.codes import (
    Confidence,
    ErrorCode,
    ErrorKind,
    ResultCode,
)
from mpesa_service.daraja.command_results import (
    ALREADY_REVERSED,
    COMMAND_RESULTS,
    UNKNOWN_RECEIPT,
    command_result,
    status_query_result,
)
from mpesa_service.daraja.command_sentences import (
    COMMAND_SENTENCES,
    Sentence,
    command_sentence,
    refusal_sentence,
)
from mpesa_service.daraja.credentials import daraja_timestamp, security_credential, stk_password
from mpesa_service.daraja.error_codes import ERROR_CODES, error_entry
from mpesa_service.daraja.errors import (
    AlreadyRegistered,
    DarajaError,
    Duplicate,
    InvalidToken,
    NotSent,
    NotSetUp,
    OutcomeUnknown,
    Refused,
    SubscriberBusy,
    Throttled,
    UnreadableCallback,
)
from mpesa_service.daraja.messages import (
    B2bCommand,
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
from mpesa_service.daraja.posted_names import POSTED_NAMES
from mpesa_service.daraja.pull import (
    PullPage,
    PullQuery,
    PullRegistered,
    PullRegistration,
    PullRow,
)
from mpesa_service.daraja.settings import DarajaSettings
from mpesa_service.daraja.stk_results import STK_RESULTS, StkCallback, parse_stk_callback, stk_result
from mpesa_service.daraja.tokens import InMemoryTokenStore, Token, TokenSource, TokenStore
from mpesa_service.daraja.values import normalize_code, whole_shillings

__all__ = [
    "ALREADY_REVERSED",
    "COMMAND_RESULTS",
    "COMMAND_SENTENCES",
    "ERROR_CODES",
    "POSTED_NAMES",
    "STK_RESULTS",
    "UNKNOWN_RECEIPT",
    "AlreadyRegistered",
    "B2bCommand",
    "B2bPayment",
    "B2cPayment",
    "BalanceQuery",
    "BalanceResult",
    "C2bPayment",
    "C2bRejection",
    "CommandAccepted",
    "CommandResult",
    "Confidence",
    "DarajaClient",
    "DarajaError",
    "DarajaSettings",
    "Duplicate",
    "ErrorCode",
    "ErrorKind",
    "InMemoryTokenStore",
    "InvalidToken",
    "NotSent",
    "NotSetUp",
    "OutcomeUnknown",
    "PayerKind",
    "PullPage",
    "PullQuery",
    "PullRegistered",
    "PullRegistration",
    "PullRow",
    "Refused",
    "RegisterUrls",
    "ReportedBalance",
    "ResultCode",
    "Reversal",
    "Sentence",
    "SimulatedC2b",
    "SimulationAccepted",
    "StatusResult",
    "StkCallback",
    "StkPush",
    "StkPushAccepted",
    "StkQueryAnswer",
    "SubscriberBusy",
    "Throttled",
    "Token",
    "TokenSource",
    "TokenStore",
    "TransactionStatusQuery",
    "UnreadableCallback",
    "UrlsRegistered",
    "command_result",
    "command_sentence",
    "daraja_timestamp",
    "error_entry",
    "normalize_code",
    "parse_balance_result",
    "parse_c2b",
    "parse_command_result",
    "parse_status_result",
    "parse_stk_callback",
    "payer_agrees",
    "payer_kind_of",
    "payer_matches",
    "refusal_sentence",
    "security_credential",
    "status_query_result",
    "stk_password",
    "stk_result",
    "whole_shillings",
]

"""The bodies of an initiator's commands, with Daraja's spelling and its mistakes.

Daraja documents the spelling for each command: `Occassion` or `Occasion`, `RecieverIdentifierType`,
`InitiatorName` or `Initiator`. It ignores or refuses another spelling.
"""

from functools import cached_property
from pathlib import Path

from mpesa_service.daraja.credentials import security_credential
from mpesa_service.daraja.errors import NotSetUp
from mpesa_service.daraja.messages import (
    B2bPayment,
    B2cPayment,
    BalanceQuery,
    Reversal,
    TransactionStatusQuery,
)
from mpesa_service.daraja.settings import DarajaSettings

POCHI_COMMAND = "BusinessPayToPochi"
SHORTCODE_PARTY = "4"
ORGANIZATION_PARTY = "11"

Fields = dict[str, object]
Message = B2cPayment | B2bPayment | Reversal | TransactionStatusQuery | BalanceQuery


class CommandBodies:
    """Writes bodies for one app. Every method raises NotSetUp when the initiator is not set up."""

    def __init__(self, settings: DarajaSettings) -> None:
        self._settings = settings

    def b2c_payment(self, payment: B2cPayment) -> Fields:
        """Write a payout, with our own id where the version knows one."""
        fields = self._payout("b2c_payment", payment.command or self._settings.b2c_command, payment)
        if self._settings.b2c_version == "v3":
            fields["OriginatorConversationID"] = payment.originator_conversation_id
        return fields

    def b2pochi_payment(self, payment: B2cPayment) -> Fields:
        """Write a payout to a Pochi la Biashara, which always carries our own id."""
        fields = self._payout("b2pochi_payment", POCHI_COMMAND, payment)
        return fields | {"OriginatorConversationID": payment.originator_conversation_id}

    def b2b_payment(self, payment: B2bPayment) -> Fields:
        """Write a payment to a business; both parties are shortcodes, tills included (documented)."""
        return {
            **self._command("b2b_payment", payment.command, payment),
            "SenderIdentifierType": SHORTCODE_PARTY,
            "RecieverIdentifierType": SHORTCODE_PARTY,
            "Amount": payment.amount,
            "PartyA": self._settings.paying_party,
            "PartyB": payment.party,
            **_unless_empty("AccountReference", payment.account_reference),
            **_unless_empty("Requester", payment.requester),
            **_unless_empty("Occassion", payment.occasion),
        }

    def reverse(self, reversal: Reversal) -> Fields:
        """Write the return of a payment that our shortcode received."""
        return {
            **self._command("reverse", "TransactionReversal", reversal),
            "TransactionID": reversal.receipt,
            "Amount": reversal.amount,
            "ReceiverParty": self._settings.shortcode,
            "RecieverIdentifierType": ORGANIZATION_PARTY,
            **_unless_empty("Occasion", reversal.occasion),
        }

    def transaction_status(self, query: TransactionStatusQuery) -> Fields:
        """Return the query for a receipt or a conversation."""
        by_receipt = query.receipt is not None
        return {
            **self._command("transaction_status", "TransactionStatusQuery", query),
            "PartyA": query.party or self._settings.paying_party,
            "IdentifierType": SHORTCODE_PARTY,
            "TransactionID" if by_receipt else "OriginalConversationID": (
                query.receipt if by_receipt else query.original_conversation_id
            ),
            **_unless_empty("Occasion", query.occasion),
        }

    def account_balance(self, query: BalanceQuery) -> Fields:
        """Return the query for the balances."""
        return {
            **self._command("account_balance", "AccountBalance", query),
            "PartyA": query.party or self._settings.paying_party,
            "IdentifierType": SHORTCODE_PARTY,
        }

    def _payout(self, operation: str, command: str, payment: B2cPayment) -> Fields:
        return {
            **self._command(operation, command, payment, initiator="InitiatorName"),
            "Amount": payment.amount,
            "PartyA": self._settings.paying_party,
            "PartyB": payment.msisdn,
            **_unless_empty("Occassion", payment.occasion),
        }

    def _command(
        self, operation: str, command: str, message: Message, initiator: str = "Initiator"
    ) -> Fields:
        """Write what every command has; `initiator` is the name of that field."""
        return {
            initiator: self._settings.initiator_name,
            "SecurityCredential": self._initiator_credential(operation),
            "CommandID": command,
            "Remarks": message.remarks,
            "QueueTimeOutURL": message.timeout_url,
            "ResultURL": message.result_url,
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


def _unless_empty(key: str, text: str | None) -> Fields:
    return {key: text} if text else {}

"""The names in the bodies that M-Pesa posts (documented), and the same names in another letter case.

Other systems between M-Pesa and the service can change the letter case of a name. The exact spelling counts
first. Only if it is missing, the same name in another letter case counts.
"""

from collections.abc import Iterable, Mapping, Sequence

KEYS = frozenset(
    {
        *("Body", "stkCallback", "MerchantRequestID", "CheckoutRequestID", "ResultCode", "ResultDesc"),
        *("CallbackMetadata", "Item", "Name", "Value", "TransactionType", "TransID", "TransTime"),
        *("TransAmount", "BusinessShortCode", "BillRefNumber", "InvoiceNumber", "OrgAccountBalance"),
        *("ThirdPartyTransID", "MSISDN", "FirstName", "MiddleName", "LastName", "Result", "ResultType"),
        *("ConversationID", "OriginatorConversationID", "TransactionID", "ResultParameters"),
        *("ResultParameter", "Key", "ReferenceData", "ReferenceItem"),
    }
)
"""The keys of objects."""
ITEM_NAMES = frozenset(
    {
        *("Amount", "MpesaReceiptNumber", "Balance", "TransactionDate", "PhoneNumber"),
        *("TransactionAmount", "TransactionReceipt", "ReceiptNo", "TransactionStatus"),
        *("OriginalTransactionID", "DebitAccountBalance", "TransactionCompletedDateTime"),
        *("TransCompletedTime", "FinalisedTime", "BOCompletedTime", "AccountBalance"),
        *("ConversationID", "OriginatorConversationID", "DebitPartyName", "CreditPartyName"),
        *("ReasonType", "BillReferenceNumber", "BillRefNumber", "AccountReference"),
    }
)
"""The names of the items in a list that the service reads."""
POSTED_NAMES = KEYS | ITEM_NAMES


def _by_lower_case(names: Iterable[str]) -> Mapping[str, str]:
    return {name.lower(): name for name in names}


USUAL_KEYS = _by_lower_case(KEYS)
USUAL_ITEM_NAMES = _by_lower_case(ITEM_NAMES)


def in_usual_case(pairs: Sequence[tuple[str, object]], usual: Mapping[str, str]) -> list[tuple[str, object]]:
    """Return the pairs with M-Pesa's spelling of each name, unless the exact name is there, too.

    A name can then occur several times. `usual` is one of the two tables above.
    """
    exact = {name for name, _ in pairs}
    found = ((name, usual.get(name.lower(), name), value) for name, value in pairs)
    return [(name if spelling in exact else spelling, value) for name, spelling, value in found]

"""Bodies that M-Pesa posts."""

from datetime import datetime, timedelta, timezone
from typing import Any

EAST_AFRICA = timezone(timedelta(hours=3))


def paid_callback(
    merchant_id: str, checkout_id: str, receipt: str, phone: str, amount: int
) -> dict[str, Any]:
    """Return the STK callback of a prompt that is paid now.

    `amount` is in whole shillings, `phone` is 2547… or 2541…. The service would warn of
    a time that cannot be true, at a cost.
    """
    items = {
        "Amount": float(amount),
        "MpesaReceiptNumber": receipt,
        "TransactionDate": int(datetime.now(EAST_AFRICA).strftime("%Y%m%d%H%M%S")),
        "PhoneNumber": int(phone),
    }
    result = {
        "MerchantRequestID": merchant_id,
        "CheckoutRequestID": checkout_id,
        "ResultCode": 0,
        "ResultDesc": "The service request is processed successfully.",
        "CallbackMetadata": {"Item": [{"Name": name, "Value": value} for name, value in items.items()]},
    }
    return {"Body": {"stkCallback": result}}

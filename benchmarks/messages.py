"""Bodies that M-Pesa posts."""

from typing import Any


def paid_callback(
    merchant_id: str, checkout_id: str, receipt: str, phone: str, amount: int
) -> dict[str, Any]:
    """Return the STK callback of a paid prompt; `amount` is in whole shillings, `phone` is 2547… or 2541…."""
    items = {
        "Amount": float(amount),
        "MpesaReceiptNumber": receipt,
        "TransactionDate": 20261122120000,
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

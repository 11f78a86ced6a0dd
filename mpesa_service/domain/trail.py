"""The audit trail as sentences: one for every edge of the transition tables and for every note."""

SENTENCES = {
    # The transitions of a payment.
    "created": "The payment was started.",
    "push_accepted": "M-Pesa accepted the request and sends the prompt to the phone.",
    "push_refused": "The request was refused or could not be sent; no money moved.",
    "push_unanswered": "No answer to the request is stored; the phone may show a prompt.",
    "timed_out": "The prompt has expired, and M-Pesa has not reported its outcome.",
    "unresolved": "M-Pesa never reported the outcome of the payment; it needs manual review.",
    "paid": "The money arrived.",
    "declined": "M-Pesa reported that the payment failed; no money moved.",
    "canceled_by_customer": "The customer canceled the prompt.",
    "unclear_result": "M-Pesa gave a result code that is not documented; it needs manual review.",
    "late_payment": "The money arrived after the payment had ended as unpaid.",
    "duplicate_payment": "The money arrived, but another payment of the order is paid already.",
    "contradicted": "Reports about the payment contradict each other; it needs manual review.",
    "refunded_in_part": "A part of the money was refunded.",
    "refunded_in_whole": "All of the money was refunded.",
    "refund_reversed": "A refund that counted as paid was not paid: nothing is refunded any more.",
    "refund_reversed_in_part": "A refund that counted as paid was not paid: only a part is refunded.",
    "settled_by_operator": "An operator decided that the money arrived.",
    "failed_by_operator": "An operator decided that the money did not arrive.",
    "unmatched": "Money arrived that matches no order; it needs manual review.",
    "matched": "The money was matched to its order.",
    # The transitions of a refund.
    "refund_created": "A refund was requested, and its amount is reserved.",
    "refund_accepted": "M-Pesa queued the refund.",
    "refund_refused": "The refund was refused or could not be sent; no money moved.",
    "refund_unanswered": "No answer to the refund is stored; it may have been paid.",
    "refund_timed_out": "The refund timed out in M-Pesa's queue; it may still be paid.",
    "refund_paid": "The refund was paid.",
    "refund_declined": "M-Pesa reported that the refund failed; its amount is not reserved any more.",
    "refund_unclear": "M-Pesa's result for the refund is not clear; it needs manual review.",
    "refund_unresolved": "M-Pesa never reported the outcome of the refund; it needs manual review.",
    "refund_settled_by_operator": "An operator decided that the refund was paid.",
    "refund_failed_by_operator": "An operator decided that the refund was not paid.",
    "refund_contradicted": "M-Pesa's reports contradict each other or the refund; it needs manual review.",
    # Notes, which change no status.
    "applied": "A later report named the receipt.",
    "disputed": "A report does not count by itself; M-Pesa is queried first.",
    "duplicate": "A report repeated what was already known.",
    "prompt_over": "The prompt ended unpaid; the payment's own money is confirmed, and is not affected.",
    "paid_again": "The prompt was also paid; that money is a payment of its own.",
    "noted": "A report was stored and changed nothing.",
    "lock_released": "The prompt has expired, so another payment of the order may be started.",
    "order_paid_by_another": "Another payment of the order was paid, and holds the order lock now.",
    "refund_reported": "Another report about the refund arrived while it needs manual review.",
    "refund_disputed": "A report named ids that are not the refund's, and changed nothing.",
    "refund_inconclusive": "A report about the refund does not count by itself; M-Pesa is queried again.",
    "refund_sent_again": "No answer is stored, so the refund is sent again: M-Pesa carries it out once.",
    "matched_after_return": "An operator matched the money to an order after M-Pesa refused to reverse it.",
    "order_open": "The expected order has no received money any more.",
    "order_partially_paid": "The expected order has received a part of the amount due.",
    "order_paid": "The expected order has received the amount due.",
    "order_overpaid": "The expected order has received more than the amount due.",
    "order_expired": "The received amount changed after the expected order had expired.",
    "order_canceled": "The received amount changed after the expected order was canceled.",
}


def in_words(cause: str) -> str:
    """Return the sentence for a cause. An unknown cause, from another release, is written out."""
    return SENTENCES.get(cause) or f"{cause.replace('_', ' ').capitalize()}."

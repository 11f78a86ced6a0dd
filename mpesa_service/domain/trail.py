"""The audit trail in words: one sentence for every edge of the transition tables and for every note."""

SENTENCES = {
    # A payment's moves.
    "created": "The payment was started.",
    "push_accepted": "M-Pesa took the request and sends the prompt to the phone.",
    "push_refused": "The request was refused or could not be sent; no money moved.",
    "push_unanswered": "No answer to the request is on record; there may be a prompt on the phone.",
    "timed_out": "The prompt is over, and M-Pesa has not said what came of it.",
    "unresolved": "M-Pesa never said what became of the payment; it needs manual review.",
    "paid": "The money arrived.",
    "declined": "M-Pesa said that the payment failed; no money moved.",
    "canceled_by_customer": "The customer canceled the prompt.",
    "unclear_result": "M-Pesa gave a result that nobody has explained; it needs manual review.",
    "late_payment": "The money arrived after the payment had ended as unpaid.",
    "duplicate_payment": "The money arrived, but another payment of the order is paid already.",
    "contradicted": "Reports about the payment contradict each other; it needs manual review.",
    "refunded_in_part": "A part of the money was paid back.",
    "refunded_in_whole": "All of the money was paid back.",
    "refund_reversed": "What had counted as paid back was not: nothing is refunded any more.",
    "refund_reversed_in_part": "A refund that had counted as paid was not: only a part is refunded.",
    "settled_by_operator": "A person decided that the money arrived.",
    "failed_by_operator": "A person decided that the money did not arrive.",
    "unmatched": "Money arrived that fits no order; it needs manual review.",
    "matched": "The money was matched to its order.",
    # A refund's moves.
    "refund_created": "A refund was asked for, and its amount reserved.",
    "refund_accepted": "M-Pesa queued the refund.",
    "refund_refused": "The refund was refused or could not be sent; no money was paid back.",
    "refund_unanswered": "No answer to the refund is on record; it may have been paid.",
    "refund_timed_out": "The refund timed out in M-Pesa's queue; it may still be paid.",
    "refund_paid": "The refund was paid.",
    "refund_declined": "M-Pesa said that the refund failed; its amount is free again.",
    "refund_unclear": "M-Pesa gave a result of the refund that is not clear; it needs manual review.",
    "refund_unresolved": "M-Pesa never said what became of the refund; it needs manual review.",
    "refund_settled_by_operator": "A person decided that the refund was paid.",
    "refund_failed_by_operator": "A person decided that the refund was not paid.",
    "refund_contradicted": "M-Pesa's reports contradict each other or the refund; it needs manual review.",
    # Notes, which change no state.
    "applied": "A later report named the receipt.",
    "disputed": "A report was not believed by itself; M-Pesa is asked before it counts.",
    "duplicate": "A report said what was already known.",
    "prompt_over": "The prompt ended unpaid; the payment's own money is confirmed, and stays.",
    "paid_again": "The prompt was paid as well; that money is a payment of its own.",
    "noted": "A report was kept and changed nothing.",
    "lock_released": "The prompt is over, so another payment of the order may be started.",
    "order_paid_by_another": "Another payment of the order was paid after all, and holds the order now.",
    "refund_reported": "A further report about the refund came while it waits for a person.",
    "refund_disputed": "A report named other ids than the refund's, and changed nothing.",
    "refund_doubted": "A report of the refund is not believed by itself; M-Pesa is asked again.",
    "refund_sent_again": "No answer is on record, so the refund is sent again: M-Pesa carries it out once.",
    "matched_after_return": "A person gave the money to an order, after M-Pesa would not send it back.",
    "order_open": "The announced order has received nothing any more.",
    "order_partially_paid": "The announced order has received a part of what is due.",
    "order_paid": "The announced order has received what is due.",
    "order_overpaid": "The announced order has received more than is due.",
    "order_expired": "The announced order was over when what it has received changed.",
    "order_canceled": "The announced order was canceled when what it has received changed.",
}


def in_words(cause: str) -> str:
    """Return the sentence for a cause; one from another release of the program is spelled out."""
    return SENTENCES.get(cause) or f"{cause.replace('_', ' ').capitalize()}."

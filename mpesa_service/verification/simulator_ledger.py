"""The invariants that compare the database with the simulator's own ledger (`GET /simulator/ledger`).

A debit belongs to the payment that has its receipt. An order can be paid by its prompt, by a C2B payment, or
by both, and each receipt is stored once. If no payment has the receipt of a debit, the token in the callback
address of its prompt identifies the payment. So a payment that never received an id of its prompt is found
as well. A payment in review may be debited or not, because a person decides on it; all others must agree.

The database is read after the ledger, so no money may move in between.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from mpesa_service.core.encryption import token_hash
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.counting import counted
from mpesa_service.domain.phones import same_phone
from mpesa_service.domain.states import OPEN, PAID, REFUND_OPEN, UNPAID, PaymentStatus, RefundStatus
from mpesa_service.models import CallbackInbox, Payment, Payout, Refund
from mpesa_service.models.payments import Channel, Provider
from mpesa_service.verification.c2b_ledger import verify_c2b_in_ledger
from mpesa_service.verification.common import BATCH, Json, PaymentHistory, Tally, Violation
from mpesa_service.verification.payments import histories
from mpesa_service.verification.payouts import verify_payouts_in_ledger

ANSWERED = 200
STK = "stk"
"""The kind of a debit that belongs to a prompt."""
QUEUED = "queued"
"""The state of a command that M-Pesa may still execute."""


@dataclass(frozen=True)
class Ledger:
    """The simulator's record, indexed by the hashes of the tokens in our callback addresses.

    `commands` and their movements (`moved`) are indexed by the token of their result address, which is the
    same each time that one of our rows is sent.
    """

    prompts: Mapping[str, Sequence[Json]]
    debits: Mapping[str, Sequence[Json]]
    """Debits by their receipt."""
    by_prompt: Mapping[str, Sequence[Json]]
    """Debits of prompts, by the token of the prompt."""
    commands: Mapping[str, Sequence[Json]]
    moved: Mapping[str, Sequence[Json]]
    answered: Mapping[str, int]
    """Callbacks answered 200, by token hash."""

    @classmethod
    def of(cls, payload: Json) -> "Ledger":
        """Read the JSON of `GET /simulator/ledger`."""
        prompts, debits, by_prompt, commands, moved = (_Lists() for _ in range(5))
        token_of = {}
        for prompt in payload["prompts"]:
            token_of[prompt["checkoutRequestId"]] = _token_hash(prompt["callbackUrl"])
            prompts[_token_hash(prompt["callbackUrl"])].append(prompt)
        for debit in payload["debits"]:
            debits[debit["receipt"]].append(debit)
            if debit["kind"] == STK:
                by_prompt[token_of[debit["checkoutRequestId"]]].append(debit)
        for command in (*payload["payouts"], *payload["reversals"]):
            token_of[command["conversationId"]] = _token_hash(command["resultUrl"])
            commands[_token_hash(command["resultUrl"])].append(command)
        for movement in (*payload["credits"], *payload["transfers"]):
            moved[token_of[movement["conversationId"]]].append(movement)
        good = (item for item in payload["callbacks"] if item["status"] == ANSWERED)
        # All callbacks of C2B payments go to one address: `c2b_ledger.py` checks those.
        answered = Counter(_token_hash(item["url"]) for item in good if not item["kind"].startswith("c2b"))
        return cls(prompts, debits, by_prompt, commands, moved, answered)


class _Lists(defaultdict[str, list[Json]]):
    def __init__(self) -> None:
        super().__init__(list)


def _token_hash(url: str) -> str:
    return token_hash(url.rpartition("/")[2])


@dataclass(frozen=True)
class Compared:
    """One payment with its rows, and the ledger to compare them with."""

    history: PaymentHistory
    ledger: Ledger
    runtime: Runtime
    booked: Collection[str]
    """The receipts of the ledger that a payment in the database has."""

    @property
    def payment(self) -> Payment:
        return self.history.payment

    @property
    def debits(self) -> Sequence[Json]:
        debits = self.ledger.by_prompt.get(self.payment.callback_token_hash or "", ())
        unknown = (debit for debit in debits if debit["receipt"] not in self.booked)
        return [*self.ledger.debits.get(self.payment.receipt or "", ()), *unknown]

    @property
    def prompts(self) -> Sequence[Json]:
        return self.ledger.prompts.get(self.payment.callback_token_hash or "", ())

    def decided_by_a_person(self, edge: str, refund_id: str | None = None) -> bool:
        return any(e.cause == edge and e.refund_id == refund_id for e in self.history.events)


LedgerInvariant = Callable[[Compared], Iterator[str]]


def every_debit_is_one_success(it: Compared) -> Iterator[str]:
    """A debit belongs to one payment that is paid (or in review), and every paid one has its debit."""
    payment, debits = it.payment, it.debits
    if len(debits) > 1:
        yield f"the customer was debited {counted(len(debits), 'time')}"
    if debits and payment.state in UNPAID:
        yield f"it is {payment.status}, but the customer was debited ({debits[0]['receipt']})"
    if not debits and payment.state in PAID and not it.decided_by_a_person("settled_by_operator"):
        yield f"it is {payment.status}, but the customer was never debited"
    if not debits or payment.state not in PAID:
        return
    debit = debits[0]
    if debit["amount"] != payment.amount:
        yield f"it is {counted(payment.amount, 'shilling')}, but the debit is {debit['amount']}"
    if payment.receipt not in (None, debit["receipt"]):
        yield f"its receipt is {payment.receipt}, but the debit's is {debit['receipt']}"
    phone = payment.phone_encrypted
    # Any phone can pay an order with a C2B payment, even one with a prompt, and M-Pesa masks the payer.
    hidden = debit["kind"] != STK and payment.channel == Channel.STK
    if (
        phone is not None
        and not hidden
        and not same_phone(it.runtime.encryption.decrypt(phone), debit["msisdn"])
    ):
        yield "the debited phone is not the payment's"


def refunds_credit_once(it: Compared) -> Iterator[str]:
    """Each refund is credited at most once, with its amount; the sum never exceeds the payment."""
    total = 0
    for refund in it.history.refunds:
        found = it.ledger.moved.get(refund.result_token_hash, ())
        total += sum(credit["amount"] for credit in found)
        if len(found) > 1:
            yield f"refund {refund.id} was credited {counted(len(found), 'time')}"
        if found and refund.state is RefundStatus.FAILED:
            yield f"refund {refund.id} is failed, but was credited ({found[0]['receipt']})"
        if found and found[0]["amount"] != refund.amount:
            amount = counted(refund.amount, "shilling")
            yield f"refund {refund.id} is {amount}, but its credit is {found[0]['amount']}"
        settled = it.decided_by_a_person("refund_settled_by_operator", refund.id)
        if not found and refund.state is RefundStatus.SUCCEEDED and not settled:
            yield f"refund {refund.id} is succeeded, but was never credited"
        commands = it.ledger.commands.get(refund.result_token_hash, ())
        if refund.state is RefundStatus.FAILED and any(one["state"] == QUEUED for one in commands):
            yield f"refund {refund.id} is failed, but M-Pesa has not ended it"
    if total > it.payment.amount:
        yield f"{counted(total, 'shilling was', 'shillings were')} refunded of {it.payment.amount} paid"


def prompted_once(it: Compared) -> Iterator[str]:
    """Each payment has at most one prompt."""
    if len(it.prompts) > 1:
        yield f"it has {len(it.prompts)} prompts"


def final_is_known(it: Compared) -> Iterator[str]:
    """When no result is outstanding, no payment or refund is open that M-Pesa has finished."""
    ended = [prompt["state"] for prompt in it.prompts if prompt["state"] != "open"]
    if ended and it.payment.state in OPEN:
        yield f"it is {it.payment.status}, but its prompt is {ended[0]}"
    for refund in it.history.refunds:
        states = [command["state"] for command in it.ledger.commands.get(refund.result_token_hash, ())]
        over = [state for state in states if state in {"completed", "failed"}]
        if over and len(over) == len(states) and refund.state in REFUND_OPEN:
            yield f"refund {refund.id} is {refund.status}, but its payout is {over[0]}"


def verify_ledger(
    runtime: Runtime, payload: Json, *, settled: bool, tally: Tally | None = None
) -> Iterator[Violation]:
    """Yield every violation that the ledger shows; `settled` means that no result is outstanding."""
    ledger, tally = Ledger.of(payload), tally or Tally()
    rules: list[LedgerInvariant] = [every_debit_is_one_success, refunds_credit_once, prompted_once]
    if settled:
        rules.append(final_is_known)
    booked = _booked(runtime, sorted(ledger.debits))
    for history in histories(runtime, Tally()):
        it = Compared(history, ledger, runtime, booked)
        debits = len(it.debits)
        tally.counts["debits"] += debits
        tally.counts["debits in review"] += debits * (it.payment.state is PaymentStatus.REVIEW)
        for rule in rules:
            yield from (Violation(rule.__name__, history.payment.id, sentence) for sentence in rule(it))
    yield from verify_payouts_in_ledger(runtime, payload, settled=settled, tally=tally)
    yield from verify_c2b_in_ledger(runtime, payload, settled=settled, tally=tally)
    yield from intent_came_first(runtime, ledger)
    yield from answered_is_stored(runtime, ledger, tally)


def _booked(runtime: Runtime, receipts: Sequence[str]) -> frozenset[str]:
    """Return which of these receipts a payment has."""
    found: set[str] = set()
    for page in _pages(receipts):
        with runtime.database.read() as session:
            known = select(Payment.receipt).where(
                Payment.provider == Provider.MPESA, Payment.receipt.in_(page)
            )
            found.update(receipt for receipt in session.scalars(known) if receipt)
    return frozenset(found)


def intent_came_first(runtime: Runtime, ledger: Ledger) -> Iterator[Violation]:
    """Every prompt and every command at M-Pesa is stored in the database."""
    for columns, hashes, what in (
        ([Payment.callback_token_hash], list(ledger.prompts), "a prompt"),
        ([Refund.result_token_hash, Payout.result_token_hash], list(ledger.commands), "a payout"),
    ):
        for page in _pages(hashes):
            with runtime.database.read() as session:
                known = {
                    found
                    for column in columns
                    for found in session.scalars(select(column).where(column.in_(page)))
                }
            for stranger in (item for item in page if item not in known):
                sentence = f"M-Pesa has {what} that is not in the database"
                yield Violation(intent_came_first.__name__, stranger, sentence)


def answered_is_stored(runtime: Runtime, ledger: Ledger, tally: Tally) -> Iterator[Violation]:
    """Every callback that was answered 200 is in the inbox."""
    tally.counts["callbacks answered"] += sum(ledger.answered.values())
    for page in _pages(sorted(ledger.answered)):
        statement = (
            select(CallbackInbox.token_hash, func.count())
            .where(CallbackInbox.token_hash.in_(page))
            .group_by(CallbackInbox.token_hash)
        )
        with runtime.database.read() as session:
            stored = {row[0]: row[1] for row in session.execute(statement)}
        for token in page:
            answered, found = ledger.answered[token], stored.get(token, 0)
            if found < answered:
                many = counted(answered, "callback to one address was", "callbacks to one address were")
                sentence = f"{many} answered 200, but {found} are in the inbox"
                yield Violation(answered_is_stored.__name__, token, sentence)


def _pages(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]

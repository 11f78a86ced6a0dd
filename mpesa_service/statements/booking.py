"""Books the income of a statement that the service does not know, for its orders or as unmatched money."""

from collections.abc import Callable, Mapping, Sequence

from mpesa_service.c2b.arrivals import ArrivedMoney
from mpesa_service.c2b.book_money import book_money
from mpesa_service.c2b.retry_matching import match_receipts
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import PayerKind
from mpesa_service.domain.callbacks import InboxVerdict
from mpesa_service.domain.money import CENTS
from mpesa_service.domain.orders import STILL_DUE, reference_key
from mpesa_service.domain.reports import Evidence
from mpesa_service.statements.matching import START, Found, Outcome, lines_with
from mpesa_service.statements.outcomes import mark_lines
from mpesa_service.statements.party import Party, account_as_number, party_of
from mpesa_service.statements.records import StatementRecord
from mpesa_service.statements.texts import LineTexts, texts_of
from mpesa_service.statements.window import marks, query, window_of

PAGE = 500
_STEPS: dict[str, str] = {InboxVerdict.UNMATCHED: "unmatched", InboxVerdict.DISPUTED: "reviewed"}
_OUTCOMES = {"booked": "booked", "unmatched": "booked", "reviewed": "reviewed"}
_DUE = ", ".join(f"'{status}'" for status in sorted(STILL_DUE))
_WEAKER = f"""
    SELECT ltrim(reference_key, '0'), MIN(reference), MIN(amount_due - received_amount) FROM expected_orders
    WHERE status IN ({_DUE}) AND ltrim(reference_key, '0') IN ({{marks}})
    GROUP BY ltrim(reference_key, '0') HAVING COUNT(*) = 1
"""
_UNNAMED = """
    c2b_confirmations w LEFT JOIN payments q ON q.id = w.payment_id
    WHERE w.bill_reference_encrypted IS NULL
    AND (q.id IS NULL OR (q.status = 'review' AND q.channel = 'c2b' AND q.order_id IS NULL))
"""
_ORDERED = "SELECT 1 FROM payments WHERE provider = 'mpesa' AND receipt = ? AND order_id IS NOT NULL"
_EXACT = "SELECT reference_key FROM expected_orders WHERE reference_key IN ({marks})"


def book_missing(runtime: Runtime, record: StatementRecord, advance: Callable[[str, int], None]) -> None:
    """Book each income that the service does not know. `advance` receives each result.

    An account that is a number may have lost its leading zeros in a spreadsheet. If no order has the account
    as it stands, one order with more zeros counts, if exactly its missing amount was paid.

    Money that a known line reverses, or whose receipt is known with another amount, is in review: its line is
    `reviewed`.
    """
    after = START
    while found := lines_with(runtime, record, Outcome.MISSING, limit=PAGE, after=after):
        parties = _parties(runtime, found)
        booked: dict[str, list[Found]] = {"booked": [], "booked_weaker": [], "reviewed": []}
        for line, (money, is_weaker) in _monies(runtime, record, parties).items():
            plan = book_money(runtime, money, Evidence.STATEMENT)
            step = _STEPS.get(plan.verdict, "booked")
            booked["booked_weaker" if is_weaker and step == "booked" else _OUTCOMES[step]].append(line)
            advance(step, 1)
        for outcome, lines in booked.items():
            mark_lines(runtime, lines, outcome)
        after = (found[-1].statement_id, found[-1].row)


def name_accounts(runtime: Runtime, record: StatementRecord, advance: Callable[[str, int], None]) -> None:
    """Report the lines again whose money waits because the sources before did not name its account.

    So the money is matched to the order that the account names. `advance` receives what has an order now.
    """
    if not query(runtime, f"SELECT 1 FROM {_UNNAMED} LIMIT 1", ()):
        return
    after, known = START, (Outcome.AGREES, Outcome.REPORTED)
    also = f"EXISTS (SELECT 1 FROM {_UNNAMED} AND w.receipt = l.receipt)"
    while found := lines_with(runtime, record, *known, limit=PAGE, after=after, also=also):
        parties = {line: party for line, party in _parties(runtime, found).items() if party.account}
        for line, (money, _) in _monies(runtime, record, parties).items():
            book_money(runtime, money, Evidence.STATEMENT)
            match_receipts(runtime, [line.receipt])
            if query(runtime, _ORDERED, (line.receipt,)):
                advance("matched", 1)
        after = (found[-1].statement_id, found[-1].row)


def _monies(
    runtime: Runtime, record: StatementRecord, parties: Mapping[Found, Party]
) -> Mapping[Found, tuple[ArrivedMoney, bool]]:
    """Return the money of each line, and whether its order has more zeros than the line's account."""
    weaker, found = _weaker_orders(runtime, parties), {}
    starts = window_of(runtime, record).starts
    for line, party in parties.items():
        reference, due = weaker.get(account_as_number(party.account), ("", 0))
        is_weaker = reference != "" and due * CENTS == line.cents
        money = _money(record, line, party, reference if is_weaker else party.account, starts)
        found[line] = (money, is_weaker)
    return found


def _parties(runtime: Runtime, lines: Sequence[Found]) -> Mapping[Found, Party]:
    """Return the party of each line, from its encrypted texts."""
    found = {}
    for statement_id in {line.statement_id for line in lines}:
        own = [line for line in lines if line.statement_id == statement_id]
        texts = texts_of(runtime, statement_id, [line.row for line in own])
        for line in own:
            text = texts.get(line.row, LineTexts())
            found[line] = party_of(text.details, text.party, text.typed)
    return found


def _weaker_orders(runtime: Runtime, parties: Mapping[Found, Party]) -> Mapping[str, tuple[str, int]]:
    """Return the orders whose reference is an account with more leading zeros, by the account without any."""
    accounts = {p.account for p in parties.values() if account_as_number(p.account).isdecimal()}
    if not accounts:
        return {}
    keys = sorted(map(reference_key, accounts))
    exact = {key for (key,) in query(runtime, _EXACT.format(marks=marks(keys)), keys)}
    weak = sorted({account_as_number(a) for a in accounts if reference_key(a) not in exact})
    if not weak:
        return {}
    return {key: (one, due) for key, one, due in query(runtime, _WEAKER.format(marks=marks(weak)), weak)}


def _money(
    record: StatementRecord, line: Found, party: Party, account: str, starts: frozenset[str]
) -> ArrivedMoney:
    masked = any(letter in "*xX" for letter in party.number)
    kind = PayerKind.MASKED if masked else PayerKind.PLAIN
    return ArrivedMoney(
        receipt=line.receipt,
        cents=line.cents,
        shortcode=record.shortcode,
        account=account or None,
        payer=party.number or None,
        payer_kind=kind if party.number else PayerKind.NONE,
        names=(party.name,) if party.name else (),
        transaction_type=line.type,
        transacted_at=None if line.statement_id in starts else line.at,
        began_at=line.at if line.statement_id in starts else None,
    )

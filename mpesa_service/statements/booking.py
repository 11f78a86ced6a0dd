"""Books the income of a statement that the service does not know, for its orders or as unmatched money."""

from collections.abc import Callable, Mapping

from mpesa_service.c2b.arrivals import ArrivedMoney
from mpesa_service.c2b.book_money import book_money
from mpesa_service.c2b.retry_matching import match_receipts
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import PayerKind
from mpesa_service.domain.callbacks import InboxVerdict
from mpesa_service.domain.reports import Evidence
from mpesa_service.statements.accounts import Account, accounts_of
from mpesa_service.statements.matching import START, Found, Outcome, lines_with
from mpesa_service.statements.outcomes import mark_lines
from mpesa_service.statements.parties import parties_of
from mpesa_service.statements.party import Party
from mpesa_service.statements.records import StatementRecord
from mpesa_service.statements.window import query, window_of

PAGE = 500
_STEPS: dict[str, str] = {InboxVerdict.UNMATCHED: "unmatched", InboxVerdict.DISPUTED: "reviewed"}
_OUTCOMES = {"booked": "booked", "unmatched": "booked", "reviewed": "reviewed"}
_UNNAMED = """
    c2b_confirmations w LEFT JOIN payments q ON q.id = w.payment_id
    WHERE w.bill_reference_encrypted IS NULL
    AND (q.id IS NULL OR (q.status = 'review' AND q.channel = 'c2b' AND q.order_id IS NULL))
"""
_ORDERED = "SELECT 1 FROM payments WHERE provider = 'mpesa' AND receipt = ? AND order_id IS NOT NULL"


def book_missing(runtime: Runtime, record: StatementRecord, advance: Callable[[str, int], None]) -> None:
    """Book each income that the service does not know. `advance` receives each result.

    An account that is a number may have lost its leading zeros in a spreadsheet. If no order has the account
    as it stands, one order or prompt with more zeros counts, if exactly its missing amount was paid.

    Money that a known line reverses, or whose receipt is known with another amount, is in review: its line is
    `reviewed`.
    """
    after = START
    while found := lines_with(runtime, record, Outcome.MISSING, limit=PAGE, after=after):
        parties = parties_of(runtime, record, found)
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
    while found := lines_with(runtime, record, *known, limit=PAGE, after=after, also=also, booked=True):
        named = parties_of(runtime, record, found)
        parties = {line: party for line, party in named.items() if party.account}
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
    starts = window_of(runtime, record).starts
    accounts = accounts_of(runtime, parties)
    return {
        line: (_money(record, line, party, accounts[line], starts), accounts[line].is_weaker)
        for line, party in parties.items()
    }


def _money(
    record: StatementRecord, line: Found, party: Party, account: Account, starts: frozenset[str]
) -> ArrivedMoney:
    masked = any(letter in "*xX" for letter in party.number)
    kind = PayerKind.MASKED if masked else PayerKind.PLAIN
    return ArrivedMoney(
        receipt=line.receipt,
        cents=line.cents,
        shortcode=record.shortcode,
        account=account.text or None,
        contradictory=account.contradictory,
        payer=party.number or None,
        payer_kind=kind if party.number else PayerKind.NONE,
        names=(party.name,) if party.name else (),
        transaction_type=line.type,
        transacted_at=None if line.statement_id in starts else line.at,
        began_at=line.at if line.statement_id in starts else None,
    )

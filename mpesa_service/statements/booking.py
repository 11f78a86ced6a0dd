"""Books the income of a statement that the service does not know, for its orders or as unmatched money."""

from collections.abc import Callable, Mapping, Sequence

from mpesa_service.c2b.arrivals import ArrivedMoney
from mpesa_service.c2b.book_money import book_money
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
_DUE = ", ".join(f"'{status}'" for status in sorted(STILL_DUE))
_WEAKER = f"""
    SELECT ltrim(reference_key, '0'), MIN(reference), MIN(amount_due - received_amount) FROM expected_orders
    WHERE status IN ({_DUE}) AND ltrim(reference_key, '0') IN ({{marks}})
    GROUP BY ltrim(reference_key, '0') HAVING COUNT(*) = 1
"""
_EXACT = "SELECT reference_key FROM expected_orders WHERE reference_key IN ({marks})"


def book_missing(runtime: Runtime, record: StatementRecord, advance: Callable[[str, int], None]) -> None:
    """Book each income that the service does not know. `advance` receives each result.

    An account that is a number may have lost its leading zeros in a spreadsheet. If no order has the account
    as it stands, one order with more zeros counts, if exactly its missing amount was paid.
    """
    after, starts = START, window_of(runtime, record).starts
    while found := lines_with(runtime, record, Outcome.MISSING, limit=PAGE, after=after):
        parties = _parties(runtime, found)
        weaker = _weaker_orders(runtime, parties)
        booked: dict[str, list[Found]] = {"booked": [], "booked_weaker": []}
        for line in found:
            party = parties[line]
            reference, due = weaker.get(account_as_number(party.account), ("", 0))
            is_weaker = reference != "" and due * CENTS == line.cents
            account = reference if is_weaker else party.account
            plan = book_money(runtime, _money(record, line, party, account, starts), Evidence.STATEMENT)
            booked["booked_weaker" if is_weaker else "booked"].append(line)
            advance("unmatched" if plan.verdict == InboxVerdict.UNMATCHED else "booked", 1)
        for outcome, lines in booked.items():
            mark_lines(runtime, lines, outcome)
        after = (found[-1].statement_id, found[-1].row)


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

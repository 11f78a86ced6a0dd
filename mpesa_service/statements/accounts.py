"""The account that each line means: as the payer typed it, if an order or a prompt has it.

A spreadsheet removes leading zeros. In details, the account may have ` via WEB by …` after it, which an order
id may contain, too. A line that fits two of them names none: a person decides.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mpesa_service.c2b.candidates import CLOCKS_DIFFER_BY, PROMPT_WINDOW
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.money import CENTS
from mpesa_service.domain.orders import STILL_DUE, reference_key
from mpesa_service.domain.references import ACCOUNT_REFERENCE_LIMIT, first_id
from mpesa_service.domain.states import OPEN, PaymentStatus
from mpesa_service.statements.matching import Found
from mpesa_service.statements.party import Party, account_as_number
from mpesa_service.statements.window import marks, query

_DUE = ", ".join(f"'{status}'" for status in sorted(STILL_DUE))
_UNDECIDED = {*OPEN, PaymentStatus.REVIEW}
_WEAKER_ORDERS = f"""
    SELECT ltrim(reference_key, '0'), reference, amount_due - received_amount FROM expected_orders
    WHERE status IN ({_DUE}) AND ltrim(reference_key, '0') IN ({{marks}})
"""
_WEAKER_PROMPTS = """
    SELECT account_reference, amount, id, status FROM payments
    WHERE provider = 'mpesa' AND channel = 'stk' AND receipt IS NULL AND account_reference IN ({marks})
"""
_KNOWN = """
    SELECT reference_key FROM expected_orders WHERE reference_key IN ({keys})
    UNION SELECT account_key FROM expected_orders WHERE account_key IN ({keys})
    UNION SELECT reference_key FROM payments WHERE channel = 'stk' AND reference_key IN ({keys})
    UNION SELECT LOWER(account_reference) FROM payments
    WHERE channel = 'stk' AND account_reference IN ({shown})
"""


@dataclass(frozen=True)
class Account:
    """The account that a line means. `is_weaker`: the file shows it with fewer zeros.

    `contradictory`: the line fits several orders, and the text is empty.
    """

    text: str
    is_weaker: bool = False
    contradictory: bool = False


@dataclass(frozen=True)
class _Meant:
    """An order or prompt with more zeros than an account: its reference, amount, and a prompt's id."""

    reference: str
    cents: int
    prompt_id: str | None = None
    undecided: bool = False

    def is_prompt_of(self, line: Found) -> bool:
        """Return whether this is a prompt that the line may have paid: of its amount, and of its time."""
        if self.prompt_id is None or self.cents != line.cents:
            return False
        in_time = self.undecided or self.prompt_id >= first_id(line.at - PROMPT_WINDOW)
        return in_time and self.prompt_id < first_id(line.at + CLOCKS_DIFFER_BY)


def accounts_of(runtime: Runtime, parties: Mapping[Found, Party]) -> Mapping[Found, Account]:
    """Return the account that each line means."""
    long = {form for party in parties.values() if party.longer for form in (party.account, *party.longer)}
    numbers = {p.account for p in parties.values() if account_as_number(p.account).isdecimal()}
    known = _known(runtime, long | numbers)
    meant = _weaker(runtime, {account_as_number(one) for one in numbers if reference_key(one) not in known})
    return {line: _account(line, party, known, meant) for line, party in parties.items()}


def _account(line: Found, party: Party, known: set[str], meant: Mapping[str, list[_Meant]]) -> Account:
    forms = [form for form in (party.account, *party.longer) if reference_key(form) in known]
    if len({reference_key(form) for form in forms}) > 1:
        return Account("", contradictory=True)
    if forms:
        return Account(forms[0])
    found = [
        one
        for one in meant.get(account_as_number(party.account), [])
        if one.prompt_id is None or one.is_prompt_of(line)
    ]
    fits = any(one.cents == line.cents for one in found)
    if fits and len({reference_key(one.reference) for one in found}) == 1:
        return Account(found[0].reference, is_weaker=True)
    return Account(party.account)


def _known(runtime: Runtime, accounts: Iterable[str]) -> set[str]:
    """Return the keys of those accounts that an order or a prompt has as they stand."""
    texts = sorted({text for one in accounts for text in (one, one.upper())})
    keys = sorted({key for one in texts if (key := reference_key(one))})
    if not keys:
        return set()
    sql = _KNOWN.format(keys=marks(keys), shown=marks(texts))
    return {key for (key,) in query(runtime, sql, (*keys, *keys, *keys, *texts))}


def _weaker(runtime: Runtime, numbers: set[str]) -> Mapping[str, list[_Meant]]:
    """Return what has more zeros than a number: orders that are due, and prompts without a receipt."""
    found = defaultdict[str, list[_Meant]](list)
    if not numbers:
        return found
    bare = sorted(numbers)
    for number, reference, due in query(runtime, _WEAKER_ORDERS.format(marks=marks(bare)), bare):
        found[number].append(_Meant(reference, due * CENTS))
    if padded := sorted(one for number in bare for one in _padded(number)):
        for shown, amount, id_, status in query(runtime, _WEAKER_PROMPTS.format(marks=marks(padded)), padded):
            one = _Meant(shown, amount * CENTS, id_, status in _UNDECIDED)
            found[account_as_number(shown)].append(one)
    return found


def _padded(number: str) -> Iterator[str]:
    """Yield the number with more and more zeros. The index of references finds each one."""
    for length in range(len(number), ACCOUNT_REFERENCE_LIMIT + 1):
        yield number.zfill(length)

"""Imports a statement file: recognizes it, stores its lines, checks it against itself.

Nothing else changes: `matching.py` compares the lines with payments, and `applying.py` changes them.
The same file again is the same statement, whatever its name.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any

from sqlalchemy import update

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.moments import in_nairobi
from mpesa_service.domain.principal import Principal
from mpesa_service.domain.references import new_id
from mpesa_service.domain.statements import DateOrder, DateOrderReason, StatementStatus
from mpesa_service.errors import Conflict, InvalidRequest
from mpesa_service.models import Statement
from mpesa_service.models.driver import Statement as SqlStatement
from mpesa_service.models.statements import insert_once
from mpesa_service.statements.balances import AccountTotals, Totals
from mpesa_service.statements.cells import Forms
from mpesa_service.statements.correcting import differs, has_other_order, names_account, remove_unapplied
from mpesa_service.statements.date_findings import with_date_findings
from mpesa_service.statements.empty import identified, without_rows
from mpesa_service.statements.files import Row, open_statement
from mpesa_service.statements.forms import WINDOW, forms_of
from mpesa_service.statements.heading import Heading
from mpesa_service.statements.naming import join_accounts, name_account
from mpesa_service.statements.records import StatementRecord, find_statement, get_statement
from mpesa_service.statements.rows import UnreadRow, read_lines
from mpesa_service.statements.shapes import OF_ONE_ACCOUNT, Recognized, recognize
from mpesa_service.statements.sheets import UnreadSheet, joined
from mpesa_service.statements.storing import LineStore, in_progress

NAME_KEPT = 255
ANALYZE_FROM = 5_000
"""Lines."""
BEGUN = (
    "The import of this file has begun with dates in the order {}. Import it to its end without another"
    " order, then import it again in the order that you want."
)
OTHER_SHORTCODE = "Shortcode {} is not the one of this service. Its money would be listed as unmatched."
Progress = Callable[[int], object]
"""Receives the number of rows that are read so far."""


@dataclass(frozen=True)
class ImportOptions:
    """What the user says about a file that does not say it itself."""

    shortcode: str | None = None
    account: str | None = None
    period_from: datetime | None = None
    period_to: datetime | None = None
    dates: DateOrder | None = None


def read_statement(
    runtime: Runtime,
    principal: Principal,
    path: Path,
    name: str,
    options: ImportOptions | None = None,
    progress: Progress = lambda _: None,
) -> StatementRecord:
    """Store a file's statement and its lines; return it with its self-check.

    A file that is stored already is not stored again, and a file whose import was stopped goes on. Until a
    statement is applied, another heading for the same file corrects it. An account that was not known is
    named at any time. A file without lines is another statement with another heading.

    Raises InvalidRequest if it is no statement, if it does not say its shortcode, or if it has neither lines
    nor a period. Raises Conflict if another process reads it, or if it was applied with another heading.
    """
    given = options or ImportOptions()
    whole, unread = joined(recognize(open_statement(path, name)))
    recognized, is_empty = without_rows(whole)
    if is_empty:
        recognized = identified(recognized, _completed(recognized.heading, given))
    found = find_statement(runtime, sha256=recognized.file.sha256)
    is_read = found is not None and found.status != StatementStatus.READING
    shortcode = found.shortcode if found is not None and is_read else None
    head = list(islice(recognized.rows, WINDOW))
    recognized = replace(recognized, rows=chain(head, recognized.rows))
    forms = _forms(runtime, recognized, head, found, given)
    heading = _completed(recognized.heading_in(forms), given, shortcode)
    if found is not None and is_read:
        if names_account(found, heading):
            found = name_account(runtime, found, heading.account or "")
        if not differs(found, heading, given.dates):
            return join_accounts(runtime, found)
        remove_unapplied(runtime, found)
        found = None
    if found is None:
        found = _register(runtime, principal, recognized, heading, forms)
    recognized = replace(recognized, forms=forms)
    return _read(runtime, found, recognized, heading, unread, progress)


def _forms(
    runtime: Runtime,
    recognized: Recognized,
    head: Sequence[Row],
    found: StatementRecord | None,
    given: ImportOptions,
) -> Forms:
    """Return how the file writes dates and amounts; an import that goes on decides as it began.

    Raises Conflict if the import of the file has begun in another order of the dates.
    """
    stated = recognized.heading

    def further() -> Iterator[Row]:
        return islice(joined(recognize(recognized.file))[0].rows, len(head), None)

    begin, end = stated.period_from or given.period_from, stated.period_to or given.period_to
    if found is None:
        return forms_of(recognized, head, (begin, end), runtime.clock(), given.dates, further)
    dates = given.dates
    if dates is None and found.date_order and found.date_order_reason == DateOrderReason.STATED:
        dates = DateOrder(found.date_order)
    if found.status == StatementStatus.READING:
        if has_other_order(found, given.dates):
            raise Conflict(BEGUN.format(found.date_order), code="statement_differs")
        begin, end = found.period_from, found.period_to
    begin, end = begin or found.period_from, end or found.period_to
    return forms_of(recognized, head, (begin, end), found.created_at, dates, further)


def _completed(heading: Heading, options: ImportOptions, known: str | None = None) -> Heading:
    """Add what the user says; `known` is the shortcode as it is stored.

    Raises InvalidRequest if the file says something else, or no shortcode.
    """
    for name in ("shortcode", "account"):
        stated, given = getattr(heading, name), getattr(options, name)
        if stated and given and stated.casefold() != given.casefold():
            raise InvalidRequest(
                f"The file says that its {name} is {stated}, not {given}.", code="statement_differs"
            )
    shortcode = heading.shortcode or options.shortcode or known
    if not shortcode:
        raise InvalidRequest(
            "The file does not say its shortcode. Name it (`--shortcode`, or `shortcode` in the API), or give"
            " the file the name that it had in the portal.",
            code="shortcode_needed",
        )
    begin = heading.period_from or options.period_from
    end = heading.period_to or options.period_to
    if begin and end and begin > end:
        raise InvalidRequest("The period of the statement ends before it begins.", code="invalid_time_range")
    both = begin is not None and end is not None
    more = {
        "shortcode": shortcode,
        "account": heading.account or options.account or "",
        "period_from": begin if both else None,
        "period_to": end if both else None,
    }
    return Heading(**{**vars(heading), **more})


def _register(
    runtime: Runtime, principal: Principal, recognized: Recognized, heading: Heading, forms: Forms
) -> StatementRecord:
    """Store the statement without its lines, unless another process has done so."""
    now, file = runtime.clock(), recognized.file
    columns = {
        "id": new_id(now),
        "sha256": file.sha256,
        "name": file.name[:NAME_KEPT],
        "shape": recognized.layout.shape.value,
        "container": file.container.value,
        "shortcode": heading.shortcode,
        "account": heading.account,
        "period_from": heading.period_from,
        "period_to": heading.period_to,
        "date_order": forms.date_order,
        "date_order_reason": forms.reason,
        "status": StatementStatus.READING.value,
        "created_by": principal.subject,
        "created_at": now,
    }
    with runtime.database.begin() as session:
        insert_once(session, Statement, {**_EMPTY, **columns})
    found = find_statement(runtime, sha256=file.sha256)
    assert found is not None  # noqa: S101 - it was inserted just now, by this process or another one
    return found


_EMPTY: dict[str, Any] = {
    **dict.fromkeys(("row_position", "line_count", "new_count", "unread_count"), 0),
    **dict.fromkeys(("paid_in_cents", "withdrawn_cents"), 0),
    **{name: [] for name in ("findings", "unread", "accounts")},
    **{name: {} for name in ("report", "progress")},
}


def _read(
    runtime: Runtime,
    found: StatementRecord,
    recognized: Recognized,
    heading: Heading,
    unread: Sequence[UnreadSheet],
    progress: Progress,
) -> StatementRecord:
    totals = Totals(alone=recognized.layout.shape in OF_ONE_ACCOUNT)
    with LineStore(runtime, found) as store:
        for line in read_lines(recognized, heading.account or "", recognized.forms):
            if isinstance(line, UnreadRow):
                totals.add_unread(line)
                continue
            totals.add(line)
            if store.add(line):
                progress(line.row)
        store.store()
    for sheet in unread:
        totals.add_sheet(sheet)
    _analyze(runtime, totals.line_count)
    _finish(runtime, found, totals, heading)
    return join_accounts(runtime, get_statement(runtime, found.id))


def _analyze(runtime: Runtime, lines: int) -> None:
    """Let PostgreSQL count the lines again: a plan that it makes for few lines takes hours for many."""
    if lines < ANALYZE_FROM or runtime.database.is_sqlite:
        return
    with runtime.database.writing() as connection:
        sql = "ANALYZE statement_lines, statement_shared_lines"
        connection.execute([SqlStatement(sql, (), required=False)])


def _finish(runtime: Runtime, found: StatementRecord, totals: Totals, heading: Heading) -> None:
    """Store what the file contains. Raises Conflict if another process has read it to its end meanwhile."""
    check = totals.check(heading)
    now = runtime.clock()
    findings = with_date_findings(check.findings, found, totals.first_at, totals.last_at, now)
    if found.shortcode not in {runtime.settings.mpesa_shortcode, runtime.settings.mpesa_till}:
        findings.append(OTHER_SHORTCODE.format(found.shortcode))
    values = {
        "status": StatementStatus.READ.value,
        "line_count": totals.line_count,
        "unread_count": totals.unread_count,
        "paid_in_cents": totals.paid_in_cents,
        "withdrawn_cents": totals.withdrawn_cents,
        "first_at": totals.first_at,
        "last_at": totals.last_at,
        "balanced": check.balanced,
        "findings": findings,
        "unread": [{"row": row.row, "reason": row.reason} for row in totals.unread],
        "accounts": [_account(name, one) for name, one in totals.accounts.items()],
        "read_at": now,
    }
    statement = (
        update(Statement)
        .where(Statement.id == found.id, Statement.status == StatementStatus.READING)
        .values(**values)
        .returning(Statement.id)
    )
    with runtime.database.begin() as session:
        if session.execute(statement).first() is None:
            raise in_progress()


def _account(name: str, totals: AccountTotals) -> dict[str, Any]:
    begin, end = totals.first_at, totals.last_at
    return {
        "account": name,
        "lines": totals.lines,
        "kinds": dict(totals.kinds),
        "paidInCents": totals.paid_in_cents,
        "withdrawnCents": totals.withdrawn_cents,
        "firstAt": in_nairobi(begin),
        "lastAt": in_nairobi(end),
        "openingCents": totals.opening_cents,
        "closingCents": totals.closing_cents,
        "balanced": totals.balanced,
    }

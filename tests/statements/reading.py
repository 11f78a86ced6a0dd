"""Reads whole files, as an import does."""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from mpesa_service.statements import forms as file_forms
from mpesa_service.statements.balances import SelfCheck, Totals
from mpesa_service.statements.files import open_statement
from mpesa_service.statements.rows import StatementLine, UnreadRow, read_lines
from mpesa_service.statements.shapes import OF_ONE_ACCOUNT, Recognized, recognize
from mpesa_service.statements.sheets import joined

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Reading:
    recognized: Recognized
    lines: list[StatementLine]
    unread: list[UnreadRow]
    totals: Totals
    check: SelfCheck


def read_file(path: Path, name: str | None = None, now: datetime = NOW) -> Reading:
    """Return everything that a file contains."""
    recognized, sheets = joined(recognize(open_statement(path, name or path.name)))
    again, _ = joined(recognize(open_statement(path, name or path.name)))
    period = (again.heading.period_from, again.heading.period_to)
    forms = file_forms.forms_of(
        again, islice(again.rows, file_forms.WINDOW), period, now, further=lambda: again.rows
    )
    alone = recognized.layout.shape in OF_ONE_ACCOUNT
    totals, lines, unread = Totals(alone=alone), [], []
    for found in read_lines(recognized, recognized.heading.account or "", forms):
        if isinstance(found, UnreadRow):
            unread.append(found)
            totals.add_unread(found)
        else:
            lines.append(found)
            totals.add(found)
    for sheet in sheets:
        totals.add_sheet(sheet)
    return Reading(recognized, lines, unread, totals, totals.check(recognized.heading))

"""Files without lines. Shape B of a day without money is the same bytes for every day and account.

So the heading belongs to the identity of such a file: that of one day never replaces that of another. It
proves nothing, because it has no balances.
"""

from dataclasses import replace
from hashlib import sha256
from itertools import chain

from mpesa_service.errors import InvalidRequest
from mpesa_service.statements.cells import read_text
from mpesa_service.statements.heading import Heading
from mpesa_service.statements.shapes import Recognized

PERIOD_NEEDED = (
    "The file has no lines, and does not say of which days. State them (`--from` and `--to`, or `from` and"
    " `to` in the API), or give the file the name that it had in the portal."
)


def without_rows(recognized: Recognized) -> tuple[Recognized, bool]:
    """Return a statement whose rows can still be read once, and whether all of them are blank."""
    for row in recognized.rows:
        if any(map(read_text, row[1])):
            return replace(recognized, rows=chain([row], recognized.rows)), False
    return replace(recognized, rows=iter(())), True


def identified(recognized: Recognized, heading: Heading) -> Recognized:
    """Return an empty statement with a hash that includes its heading.

    Raises InvalidRequest if the heading has no period.
    """
    if heading.period_from is None:
        raise InvalidRequest(PERIOD_NEEDED, code="period_needed")
    stated = (heading.shortcode, heading.account, heading.period_from, heading.period_to)
    text = "|".join([recognized.file.sha256, *map(str, stated)])
    file = replace(recognized.file, sha256=sha256(text.casefold().encode()).hexdigest())
    return replace(recognized, file=file)

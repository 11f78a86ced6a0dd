"""Write the table of all settings into docs/configuration.md: `python -m devtools.settings_table`.

Without a page it prints the table.
"""

import sys
from dataclasses import MISSING, Field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

from mpesa_service.config.declaration import environment_name
from mpesa_service.config.settings import Settings

HEAD = "| Variable | Default | Meaning | Allowed values | Read by |\n|---|---|---|---|---|\n"
BEGIN = "<!-- settings: written by python -m devtools.settings_table docs/configuration.md -->\n"
END = "<!-- end of settings -->\n"


def markdown_table() -> str:
    """Return one row for each setting. Its default is `required`, or a dash if there is none."""
    return HEAD + "".join(_row(item) for item in fields(Settings))


def with_current_table(page: str) -> str:
    """Return the page with the current table between its two marks."""
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n{markdown_table()}\n{END}{after}"


def _row(item: "Field[Any]") -> str:
    meaning, allowed = item.metadata["help"], item.metadata["kind"].allowed
    cells = (
        f"`{environment_name(item)}`",
        _default(item.default),
        meaning,
        allowed,
        item.metadata["read_by"],
    )
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |\n"


def _default(value: object) -> str:
    if value is MISSING:
        return "required"
    if value is None:
        return "–"  # noqa: RUF001
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, timedelta):
        value = value.total_seconds()
        value = int(value) if value.is_integer() else value
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        Path(name).write_text(with_current_table(Path(name).read_text()))
    if not sys.argv[1:]:
        print(markdown_table(), end="")

"""The settings as the Markdown table of README.md: python -m mpesa_service.config_table"""

from dataclasses import MISSING, Field, fields
from datetime import timedelta
from typing import Any

from mpesa_service.config import Settings, environment_name

HEAD = "| Variable | Default | Meaning |\n|---|---|---|\n"


def markdown_table() -> str:
    """Return one row a setting: its name, its default (`required`, or a dash for none), its meaning."""
    return HEAD + "".join(_row(item) for item in fields(Settings))


def _row(item: "Field[Any]") -> str:
    return f"| `{environment_name(item)}` | {_default(item.default)} | {_cell(item.metadata['help'])} |\n"


def _cell(sentence: str) -> str:
    return sentence.replace("|", r"\|")


def _default(value: object) -> str:
    if value is MISSING:
        return "required"
    if value is None:
        return "–"  # noqa: RUF001
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, timedelta):
        value = value.total_seconds()
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


if __name__ == "__main__":
    print(markdown_table(), end="")

"""Every setting has a meaning, and docs/configuration.md has the table of all settings."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

from devtools.settings_table import BEGIN, END, markdown_table, with_current_table
from mpesa_service.config import Settings, environment_name
from tests.config.test_loading import REQUIRED

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"


def rows_of(markdown: str) -> list[tuple[str, str]]:
    return re.findall(r"^\| `([A-Z0-9_]+)` \| (.+?) \| .+ \|$", markdown, re.MULTILINE)


def test_every_setting_says_what_it_is() -> None:
    for item in fields(Settings):
        sentence = item.metadata["help"]
        assert sentence.endswith("."), item.name
        assert len(sentence) > 10, item.name
        assert environment_name(item) == item.name.upper()


def test_what_is_secret_is_not_shown() -> None:
    words = ("secret", "passkey", "password", "credential", "consumer_key", "phone_", "database_url")
    for item in fields(Settings):
        if any(word in item.name for word in words):
            assert item.metadata["secret"], item.name
        assert item.repr is not item.metadata["secret"], item.name


def test_the_table() -> None:
    lines = markdown_table().splitlines()
    assert len(lines) == 2 + len(fields(Settings))
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 6 for line in lines)
    rows = dict(rows_of(markdown_table()))
    assert {name for name, default in rows.items() if default == "required"} == REQUIRED
    assert rows["MPESA_CONNECT_TIMEOUT"] == "`3`"
    assert rows["PROMPT_LIFETIME"] == "`180`"
    assert rows["RATELIMIT_ENABLED"] == "`true`"
    assert rows["MPESA_TILL"] == "\u2013"


def test_the_page_has_the_table_of_today() -> None:
    page = PAGE.read_text()
    assert page == with_current_table(page), (
        "renew it: python -m devtools.settings_table docs/configuration.md"
    )


def test_the_command_renews_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}old\n{END}after\n")
    subprocess.run([sys.executable, "-m", "devtools.settings_table", str(page)], check=True)
    assert page.read_text() == f"before\n{BEGIN}\n{markdown_table()}\n{END}after\n"


def test_the_command_prints_the_table() -> None:
    command = [sys.executable, "-m", "devtools.settings_table"]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == markdown_table()

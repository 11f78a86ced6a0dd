"""How operator commands print tables: whole in a pipe, and never with a part cut off on a terminal."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

import mpesa_service
from mpesa_service.cli.options import in_shillings
from mpesa_service.cli.output import print_facts, print_table
from tests.c2b.support import confirm
from tests.orders.support import add_order
from tests.payouts.support import ROW, made
from tests.review.test_unmatched import waits
from tests.support import Service
from tests.support.many import add_payments

ID = "01a2027bd680d709c4b77b16"
WHY = "Needs manual review: paid, but the claim differs in amount, and no reason was given."
HEADINGS = ("payment", "amount", "receipt", "why")
PIPE: dict[str, str] = {"COLUMNS": "80"}
TERMINAL = {"FORCE_COLOR": "1", "NO_COLOR": "1"}


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What is printed is the same on both databases."""
    return sqlite_url


def printed(env: dict[str, str], *rows: tuple[str | None, ...]) -> list[str]:
    @click.command()
    def command() -> None:
        print_table(HEADINGS, rows)

    result = CliRunner().invoke(command, env=env)
    assert result.exit_code == 0, result.exception
    return click.unstyle(result.stdout).splitlines()


def test_in_a_pipe_a_row_is_a_line_of_any_width() -> None:
    lines = printed(PIPE, (ID, "70000", "UKN2ABCDEF", WHY * 5))
    assert len(lines) == 5
    assert [part.strip() for part in lines[3].strip("│").split("│")] == [ID, "70000", "UKN2ABCDEF", WHY * 5]


def test_a_terminal_that_is_wide_enough_folds_sentences_alone() -> None:
    lines = printed({**TERMINAL, "COLUMNS": "80"}, (ID, "70000", "UKN2ABCDEF", WHY))
    assert max(map(len, lines)) <= 80
    assert len(lines) > 5
    assert all(word in lines[3] for word in (ID, "70000", "UKN2ABCDEF"))
    assert " ".join(line.strip("│").split("│")[-1].strip() for line in lines[3:-1]) == WHY


def test_a_terminal_that_is_too_narrow_gets_a_line_a_cell() -> None:
    rows = ((ID, "70000", None, WHY), (ID, "1", "UKN2ABCDEF", ""))
    assert printed({**TERMINAL, "COLUMNS": "50"}, *rows) == [
        f"payment  {ID}",
        "amount   70000",
        "receipt  ",
        f"why      {WHY}",
        "",
        f"payment  {ID}",
        "amount   1",
        "receipt  UKN2ABCDEF",
        "why      ",
        "",
    ]


def test_what_people_type_is_no_markup() -> None:
    [line] = [line for line in printed(PIPE, (ID, "1", "[red]", "[/] :cat: [link]")) if ID in line]
    assert "[red]" in line
    assert "[/] :cat: [link]" in line


def test_facts_stand_one_below_the_other() -> None:
    @click.command()
    def command() -> None:
        print_facts([("inquiry", "answered"), ("url", "https://" + "a" * 100)])

    assert CliRunner().invoke(command, env=PIPE).stdout == (
        "inquiry  answered\nurl      https://" + "a" * 100 + "\n"
    )


@pytest.mark.parametrize("env", [PIPE, {**TERMINAL, "COLUMNS": "80"}], ids=["pipe", "terminal"])
def test_what_a_list_prints_can_be_fed_to_the_next_command(service: Service, env: dict[str, str]) -> None:
    def run(*words: str) -> Any:
        return service.app.test_cli_runner().invoke(args=["mpesa", *words], env=env).stdout

    made = add_payments(service.runtime, 3)
    unmatched = waits(service, typed="NO-SUCH-ORDER")
    listed = run("payments", "list")
    assert "…" not in listed
    assert all(text in listed for text in (*made, "ORDER2", "RECEIPT2", "254700***002", "refunded"))
    listed = run("unmatched", "list")
    assert "…" not in listed
    assert all(text in listed for text in (unmatched, service.row(unmatched).receipt, "NO-SUCH-ORDER"))


def test_there_is_one_way_to_print_a_table() -> None:
    package = Path(mpesa_service.__file__).parent
    found = [path.name for path in package.glob("cli/*.py") if "rich.table" in path.read_text()]
    assert found == ["output.py"]


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0.00"),
        (1500, "1,500.00"),
        (Decimal("-1500.5"), "-1,500.50"),
        ("100.5", "100.50"),
        ("nothing", "nothing"),
        (None, ""),
    ],
)
def test_amounts_have_one_form(amount: Decimal | int | str | None, text: str) -> None:
    assert in_shillings(amount) == text


def test_every_list_has_it(service: Service) -> None:
    add_payments(service.runtime, 1, lambda _: {"amount": 1500, "status": "review"})
    add_order(service, amount=1500)
    made(service, *[{**ROW, "amount": 1500}])
    confirm(service, TransAmount="1500.50", BillRefNumber="Rent")
    waits(service, TransAmount="1500.00", TransID="RKL51ZDR5G", typed="NO-SUCH-ORDER")
    for words in (
        *("payments list", "review list", "unmatched list", "orders list", "payouts list"),
        *("orders show ORDER1", "payments show ORDER0"),
    ):
        text = service.app.test_cli_runner().invoke(args=["mpesa", *words.split()], env=PIPE).stdout
        assert "1,500.00" in text, words
        assert "1500" not in text, words
    assert "1,500.50" in service.app.test_cli_runner().invoke(args=["mpesa", "unmatched", "list"]).stdout

"""Whatever changes a payment or an expected order raises its version: decisions rest on it."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Update, update

import mpesa_service
from mpesa_service.models import ExpectedOrder, Payment, Suspension
from mpesa_service.models.statements import table_of

VERSIONED = {"Payment": Payment, "ExpectedOrder": ExpectedOrder}
TABLES = {"payments", "expected_orders"}
ROOT = Path(mpesa_service.__file__).parent


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(ROOT.rglob("*.py")):
        yield path, ast.parse(path.read_text())


def statements(holder: Any) -> Iterator[Update]:
    """Return the bulk updates of versioned rows among the values of a module, and of its objects."""
    for value in list(getattr(holder, "__dict__", {}).values()):
        if isinstance(value, Update) and value.table.name in TABLES:
            yield value
        elif type(value).__module__ == getattr(holder, "__name__", None):
            yield from statements(value)


def kept_statements() -> list[Update]:
    """Return the bulk updates that modules build when they are imported."""
    found: list[Update] = []
    for path, tree in sources():
        if "update" in names_from_sqlalchemy(tree):
            name = ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)
            found += statements(importlib.import_module(name))
    return found


def names_from_sqlalchemy(tree: ast.Module) -> set[str]:
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {one.name for node in imports if node.module == "sqlalchemy" for one in node.names}


def is_update(call: ast.AST) -> bool:
    """Return whether a call begins a bulk update of a versioned row by its model's name."""
    return (
        isinstance(call, ast.Call)
        and ast.unparse(call.func).split(".")[-1] == "update"
        and len(call.args) == 1
        and ast.unparse(call.args[0]).removeprefix("table_of(").rstrip(")") in VERSIONED
    )


def updates_in(tree: ast.Module) -> list[str]:
    """Return the text of each statement of a module with a bulk update of a versioned row."""
    simple = [node for node in ast.walk(tree) if isinstance(node, ast.Assign | ast.Expr | ast.Return)]
    return [ast.unparse(node) for node in simple if any(map(is_update, ast.walk(node)))]


def test_bulk_updates_of_modules_raise_it() -> None:
    found = kept_statements()
    assert found, "the jobs' leases are such statements"
    for statement in found:
        assert "version" in str(statement).partition(" SET ")[2].partition(" WHERE ")[0], str(statement)


def test_bulk_updates_of_functions_raise_it() -> None:
    found = [text for _, tree in sources() for text in updates_in(tree)]
    assert found, "orders expire in bulk"
    assert [text for text in found if "version=" not in text] == []


def test_a_text_of_sql_that_changes_a_versioned_row_raises_it() -> None:
    texts = [
        f"{path.name}: {node.value}"
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    changing = [f"UPDATE {table}" for table in TABLES]
    found = [text for text in texts if any(words in text for words in changing)]
    assert [text for text in found if not re.search(r"\bversion = (p\.)?version \+ 1\b", text)] == []


def test_plans_change_versioned_rows_by_their_version_only() -> None:
    """An `Update` of such a row names its version among the values, raises it, and must find the row."""
    calls = [
        node
        for _, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Update" and node.args
    ]
    assert calls
    for call in calls:
        if ast.unparse(call.args[0]).strip("'\"") in TABLES:
            _, where, columns = map(ast.unparse, call.args)
            assert "'version':" in where
            assert "'version':" in columns
            assert [word.arg for word in call.keywords] == ["required"]


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("update(Payment).values(amount=1)", 1),
        ("x = update(table_of(ExpectedOrder)).values(status=1)", 1),
        ("session.execute(sa.update(Payment))", 1),
        ("update(Refund).values(amount=1)", 0),
        ("{}.update(other)", 0),
    ],
)
def test_they_are_found(source: str, count: int) -> None:
    assert len(updates_in(ast.parse(source))) == count


def test_those_of_modules_are_found() -> None:
    class Module:
        __name__ = "here"
        kept = update(table_of(Payment))
        other = update(table_of(Suspension))

    assert len(list(statements(Module))) == 1

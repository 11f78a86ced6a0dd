"""docs/api.md names every call of the API and every code of an error, and none that is not there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import mpesa_service
from mpesa_service import errors
from mpesa_service.web.errors import _MESSAGES
from mpesa_service.web.parsing import _CODES
from tests.support import Service

PACKAGE = Path(mpesa_service.__file__).parent
SILENT = {"cli", "config", "daraja", "models"}
"""Packages that answer no caller."""
DOC = (PACKAGE.parent / "docs" / "api.md").read_text()
DEFAULTS = {"conflict", "try_later"}
"""Codes of classes whose errors all have codes of their own; the text says so."""
EDGES = ("approved", "paused", "resumed", "stopped")
"""What admins request about a batch."""


def section(title: str) -> str:
    """Return the text below a heading, up to the next one of its rank."""
    found = DOC.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    assert found, title
    return found


def spelled(path: str) -> str:
    """Return a path with its prefix dropped and its parameters made alike."""
    return re.sub(r"\{[^}]*\}|<[^>]*>", "{}", path).removeprefix("/api/mpesa")


def served(service: Service) -> set[tuple[str, str]]:
    rules = service.app.url_map.iter_rules()
    return {(method, spelled(rule.rule)) for rule in rules for method in rule.methods - {"HEAD", "OPTIONS"}}


def documented(text: str) -> set[tuple[str, str]]:
    """Return the calls that a text names in backticks, a query left out: `GET /api/mpesa/review`."""
    calls = re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`?]+)", text)
    received = re.findall(r"^\| `(/[^`]+)`(?:, `(/[^`]+)`)*", section("Callbacks"), re.MULTILINE)
    found = [*calls, *(("POST", path) for paths in received for path in paths if path)]
    return {(method, spelled(path)) for method, path in found if "…" not in path}


def headings() -> str:
    return "".join(f"`{line}`\n" for line in re.findall(r"^## ((?:GET|POST) \S+)$", DOC, re.MULTILINE))


def test_every_call_is_documented_and_every_documented_call_is_there(service: Service) -> None:
    assert documented(DOC.replace("\n", " ") + headings()) == served(service)


def test_the_table_at_the_top_leads_to_all_of_them(service: Service) -> None:
    top = DOC.partition("\n## ")[0]
    families = {path.split("/")[1] for _, path in served(service)} - {"{}", "api", "c2b"}
    missing = [family for family in sorted(families) if f"/{family}" not in top]
    assert missing == []
    anchors = {heading.lower() for heading in re.findall(r"^## (.+)$", DOC, re.MULTILINE)}
    made = {re.sub(r"[^a-z0-9 _-]", "", heading).replace(" ", "-") for heading in anchors}
    assert [link for link in re.findall(r"\]\(#([^)]+)\)", DOC) if link not in made] == []


def codes() -> Iterator[str]:
    """Yield every code that is in the text of whatever answers a caller."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    yield from (kind.code for kind in kinds if issubclass(kind, errors.ServiceError))
    yield from _CODES.values()
    yield from (code for code, _ in _MESSAGES.values())
    for path in PACKAGE.glob("*/*.py"):
        if path.parent.name not in SILENT:
            yield from _codes_in(ast.parse(path.read_text()))


def _codes_in(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from (text for word in node.keywords if word.arg == "code" for text in _texts(word.value))
        elif isinstance(node, ast.ClassDef) and node.name != "ResultCode":
            for line in node.body:
                if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "code":
                    yield from _texts(line.value)


def _texts(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.JoinedStr):
        assert ast.unparse(value) == "f'cannot_be_{edge}'", "say which codes this makes"
        yield from (f"cannot_be_{edge}" for edge in EDGES)


def test_every_code_is_documented_and_every_documented_code_is_there() -> None:
    table = re.findall(r"^\| (`.+?`) \| \d{3} \|", section("Error codes"), re.MULTILINE)
    listed = {code for cell in table for code in re.findall(r"`([a-z_]+)`", cell)}
    assert listed == set(codes()) - DEFAULTS

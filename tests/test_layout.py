"""Budgets of the layout: sizes of packages, files and functions, and where tests are."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "mpesa_service"
PROGRAMS = (PACKAGE, ROOT / "daraja_simulator", ROOT / "devtools")
SOURCES = [path for program in PROGRAMS for path in sorted(program.rglob("*.py"))]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
PACKAGES = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))

BIGGEST_PACKAGE = 0.15
FILES_IN_ROOT = 8
LINES_OF_FILE = 300
LINES_OF_FUNCTION = 50


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_the_biggest_room_stays_within_its_share() -> None:
    sizes = {name: sum(map(lines, (PACKAGE / name).rglob("*.py"))) for name in PACKAGES}
    whole = sum(map(lines, PACKAGE.rglob("*.py")))
    assert {name for name, size in sizes.items() if size >= BIGGEST_PACKAGE * whole} == set()


def test_the_root_holds_few_files() -> None:
    assert len(list(PACKAGE.glob("*.py"))) < FILES_IN_ROOT


def test_files_are_short() -> None:
    files = [*SOURCES, *TESTS]
    assert {str(path.relative_to(ROOT)) for path in files if lines(path) >= LINES_OF_FILE} == set()


def test_functions_are_short() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 >= LINES_OF_FUNCTION
    }
    assert long == set()


def test_each_room_has_its_tests() -> None:
    tested = {path.parent.name for path in (ROOT / "tests").glob("*/__init__.py")}
    assert set(PACKAGES) <= tested


def test_each_folder_of_tests_is_about_a_room_or_a_program() -> None:
    others = {"battery", "benchmarks", "daraja_simulator", "devtools", "examples", "support"}
    assert {path.parent.name for path in (ROOT / "tests").glob("*/__init__.py")} <= {*PACKAGES, *others}


def test_routes_and_schemas_stand_under_their_import_contract() -> None:
    contract = (ROOT / "setup.cfg").read_text().split("[importlinter:contract:edges]")[1].split("[")[0]
    edges = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for end in ("routes", "schemas")
        for path in PACKAGE.glob(f"*/*{end}.py")
    }
    assert {module for module in edges if f"    {module}\n" not in contract} == set()

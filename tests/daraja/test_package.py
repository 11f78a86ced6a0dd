"""The package stands alone, and its example is true."""

import ast
import sys
import textwrap
from pathlib import Path

import requests

from mpesa_service import daraja

from .operations import PUSH_URL, PUSHED

FOREIGN = {"cryptography", "requests", "urllib3"}
OURS = ("mpesa_service.daraja", "mpesa_service.domain", "mpesa_service.deadlines")


def imported(path: Path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def test_it_imports_nothing_but_its_tools_and_the_domain():
    for path in Path(daraja.__file__).parent.glob("*.py"):
        for name in imported(path):
            root = name.partition(".")[0]
            assert root in sys.stdlib_module_names or root in FOREIGN or name.startswith(OURS), name


def test_every_public_name_is_there_and_sorted():
    assert all(hasattr(daraja, name) for name in daraja.__all__)
    assert len(set(daraja.__all__)) == len(daraja.__all__)


def test_the_example_runs(wire, capsys):
    paragraphs = daraja.__doc__.split("\n\n")
    code = textwrap.dedent("\n".join(text for text in paragraphs if text.startswith("    ")))
    url = {"https://sandbox.safaricom.co.ke": "https://daraja.test", "…": "x"}
    for old, new in url.items():
        code = code.replace(old, new)
    example = compile(code, "example", "exec")
    wire.post(PUSH_URL, json=PUSHED)
    exec(example, {})
    assert capsys.readouterr().out == "Success. Request accepted for processing\n"
    wire.post(PUSH_URL, exc=requests.ReadTimeout)
    exec(example, {})
    assert capsys.readouterr().out.startswith("there may be a prompt")
    wire.post(PUSH_URL, exc=requests.ConnectTimeout)
    exec(example, {})
    assert capsys.readouterr().out.startswith("no prompt was sent")

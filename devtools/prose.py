"""Check the English of the tree: pages, docstrings, comments, messages, and names in Python code.

`python -m devtools.prose` applies two lists: the words to avoid of docs/glossary.md, and proselint's checks.
It prints one line per finding and exits with 1 if there is one. `[tool.prose]` in pyproject.toml names the
pages, the folders of Python files, and proselint's checks that are off.
Code in backticks and fenced blocks is not checked, except the texts of Mermaid diagrams. In names of Python
code, only the words to avoid are checked.
"""

import ast
import re
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from proselint.checks import __register__ as proselint_checks
from proselint.config import DEFAULT, Config
from proselint.registry import CheckRegistry
from proselint.tools import LintFile

ROOT = Path(__file__).resolve().parents[1]
AVOID_HEADING = "## Words to avoid"
AVOID_ROW = re.compile(r"^\| (?!Avoid|---)([^|]+) \| ([^|]+) \|$", re.MULTILINE)
FENCE = re.compile(r"^( *)```(\w*)\n.*?^\1```$", re.DOTALL | re.MULTILINE)
NOT_PROSE = (
    re.compile(r"<!-- last soak: begin -->.*?<!-- last soak: end -->", re.DOTALL),  # written by make soak
    re.compile(r"<!-- figures: .*?<!-- end of figures -->", re.DOTALL),  # written by make bench
    re.compile(r"<!-- comparison: .*?<!-- end of comparison -->", re.DOTALL),  # written by make bench-against
    re.compile(r"<!--.*?-->", re.DOTALL),
    re.compile(r"^ *(?:end|else|alt|opt|loop|participant)\b", re.MULTILINE),  # Mermaid's keywords
    re.compile(r"(`+)[^`]+\1"),
    re.compile(r"\]\([^)]*\)|<?https?://[^\s>)]*>?"),
)
DOUBLED = re.compile(r"(?<![\w.])([a-z]+)\s\1\b")
"""proselint's own check for doubled words also finds numbers and headings."""
A_SENTENCE = re.compile(r"\w[,.:;]?\s+\w")
WORD_OF_A_NAME = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@dataclass(frozen=True)
class Passage:
    """A connected piece of prose, and the number of its first line."""

    line: int
    text: str


@dataclass(frozen=True)
class Finding:
    """One thing to improve: in which file, on which line, and what is wrong."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class Checker:
    """The two lists of checks, ready to apply to passages."""

    def __init__(self, glossary: str, checks_off: list[str]) -> None:
        self._instead = words_to_avoid(glossary)
        phrases = sorted(self._instead, key=len, reverse=True)
        spaced = (r"\s+".join(map(re.escape, phrase.split())) for phrase in phrases)
        self._avoid = re.compile(rf"(?<![\w-])(?:{'|'.join(spaced)})(?![\w-])", re.IGNORECASE)
        # The first name that fits a check decides, so the narrow ones that are off come first.
        checks = {**dict.fromkeys(checks_off, False), **DEFAULT["checks"], **dict.fromkeys(checks_off, False)}
        self._config = Config(max_errors=DEFAULT["max_errors"], checks=checks)
        registry = CheckRegistry()
        if not registry.checks:
            registry.register_many(proselint_checks)

    def findings(self, path: Path, passages: list[Passage]) -> list[Finding]:
        """Return what is wrong in the passages of one file, by line."""
        lines, numbers = _laid_out(passages)
        text = "\n".join(lines)

        def finding(offset: int, message: str) -> Finding:
            return Finding(path, numbers[text.count("\n", 0, offset)], message)

        found = [finding(match.start(), f"doubled word: '{match[1]}'") for match in DOUBLED.finditer(text)]
        for match in self._avoid.finditer(text):
            phrase = " ".join(match[0].split())
            instead = self._instead[phrase.lower()]
            found.append(finding(match.start(), f"avoid '{phrase}'; use: {instead}"))
        for result in LintFile(str(path), text).lint(self._config):
            check = result.check_result
            # proselint puts a line break in front of the text.
            found.append(finding(check.span[0] - 1, f"{check.check_path}: {check.message}"))
        return sorted(found, key=lambda one: (one.line, one.message))

    def name_findings(self, path: Path, names: list[Passage]) -> list[Finding]:
        """Return the names of one file that contain a word to avoid, by line."""
        found = []
        for name in names:
            match = self._avoid.search(" ".join(WORD_OF_A_NAME.findall(name.text)))
            if match is not None:
                instead = self._instead[match[0].lower()]
                found.append(Finding(path, name.line, f"avoid '{match[0]}' in {name.text}; use: {instead}"))
        return found


def words_to_avoid(glossary: str) -> dict[str, str]:
    """Return the phrases of the glossary's list in lower case, each with what to use instead."""
    table = glossary.partition(AVOID_HEADING)[2]
    rows = AVOID_ROW.findall(table)
    return {phrase.strip().lower(): instead.strip() for cell, instead in rows for phrase in cell.split(",")}


def page_passages(text: str) -> list[Passage]:
    """Return the prose of a Markdown page; the glossary's list of words to avoid is left out."""
    return [Passage(1, _masked(text.partition(AVOID_HEADING)[0]))]


def python_passages(path: Path) -> list[Passage]:
    """Return the docstrings, messages and comments of a Python file."""
    tree = ast.parse(path.read_text())
    found = [*_strings(tree), *_comments(path)]
    return [Passage(one.line, _masked(one.text)) for one in found if A_SENTENCE.search(one.text)]


def python_names(path: Path) -> list[Passage]:
    """Return the name of a Python file and every name that it uses, once per line."""
    with path.open("rb") as source:
        names = {
            (token.start[0], token.string)
            for token in tokenize.tokenize(source.readline)
            if token.type == tokenize.NAME
        }
    return [Passage(1, path.stem), *(Passage(line, name) for line, name in sorted(names))]


def _masked(text: str) -> str:
    """Replace what is not prose by tildes, so that lines and columns stay."""
    text = FENCE.sub(
        lambda block: block[0].replace("`", "~") if block[2] == "mermaid" else _tildes(block), text
    )
    for pattern in NOT_PROSE:
        text = pattern.sub(_tildes, text)
    return text


def _tildes(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", "~", match[0])


def _strings(node: ast.AST) -> Iterator[Passage]:
    """Yield every text of the tree; an f-string is one text, with {} for its expressions."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield Passage(node.lineno, node.value)
    elif isinstance(node, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        yield Passage(node.lineno, "".join(map(str, parts)))
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                yield from _strings(part.value)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _strings(child)


def _comments(path: Path) -> Iterator[Passage]:
    """Yield comments; those on consecutive lines are one passage."""
    with path.open("rb") as source:
        comments = [
            (token.start[0], token.string.lstrip("# "))
            for token in tokenize.tokenize(source.readline)
            if token.type == tokenize.COMMENT
        ]
    for _, group in groupby(enumerate(comments), lambda item: item[1][0] - item[0]):
        lines = [comment for _, comment in group]
        yield Passage(lines[0][0], "\n".join(text for _, text in lines))


def _laid_out(passages: list[Passage]) -> tuple[list[str], list[int]]:
    """Return the lines of all passages, and for each one its number in the file.

    A tilde stands between two passages, so that no phrase reaches from one into the next.
    """
    lines, numbers = ["~"], [1]
    for passage in passages:
        for offset, line in enumerate([*passage.text.split("\n"), "~"]):
            lines.append(line)
            numbers.append(passage.line + offset)
    return lines, numbers


def checked_files(settings: dict[str, list[str]]) -> Iterator[Path]:
    """Yield the pages and Python files to check, relative to the root of the tree."""
    for pattern in (*settings["pages"], *(f"{folder}/**/*.py" for folder in settings["python"])):
        for path in sorted(ROOT.glob(pattern)):
            yield path.relative_to(ROOT)


def main() -> int:
    """Check the tree; return the exit status."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["prose"]
    checker = Checker((ROOT / "docs" / "glossary.md").read_text(), settings["checks_off"])
    count = 0
    for path in checked_files(settings):
        full = ROOT / path
        if path.suffix == ".md":
            findings = checker.findings(path, page_passages(full.read_text()))
        else:
            findings = checker.findings(path, python_passages(full))
            findings += checker.name_findings(path, python_names(full))
        for finding in findings:
            print(finding)
        count += len(findings)
    print(f"{count} findings in the prose." if count else "The prose passes.")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())

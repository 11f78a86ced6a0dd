"""The prose check finds what it must find, on the right line, and leaves code alone."""

from pathlib import Path

import pytest

from devtools import prose

GLOSSARY = """
# Glossary

| Term | Meaning |
|---|---|
| zeal | not a row of the list |

## Words to avoid

| Avoid | Use |
|---|---|
| furnished, in order to | used |
| has to be | must be |
"""


@pytest.fixture
def checker() -> prose.Checker:
    return prose.Checker(GLOSSARY, ["lexical_illusions"])


def page(checker: prose.Checker, text: str) -> list[str]:
    return [str(one) for one in checker.findings(Path("page.md"), prose.page_passages(text))]


def python(checker: prose.Checker, folder: Path, text: str) -> list[str]:
    path = folder / "code.py"
    path.write_text(text)
    return [str(one) for one in checker.findings(Path("code.py"), prose.python_passages(path))]


def test_the_list_comes_from_the_glossary() -> None:
    assert prose.words_to_avoid(GLOSSARY) == {
        "furnished": "used",
        "in order to": "used",
        "has to be": "must be",
    }


def test_a_word_of_a_page_is_found_with_its_line_and_what_to_use(checker: prose.Checker) -> None:
    assert page(checker, "Fine.\n\nFurnished twice.\n") == ["page.md:3: avoid 'Furnished'; use: used"]


def test_a_phrase_is_found_over_a_line_break_and_no_part_of_a_word_is(checker: prose.Checker) -> None:
    assert page(checker, "This has\nto be refurnished.") == ["page.md:1: avoid 'has to be'; use: must be"]


@pytest.mark.parametrize(
    "text",
    [
        "`furnished`",
        "```sh\nfurnished\n```",
        "[a link](furnished.md)",
        "https://furnished.example/",
        "<!-- furnished -->",
        f"# Page\n\n{prose.AVOID_HEADING}\n\n| furnished | used |",
    ],
)
def test_code_links_and_the_list_itself_are_not_prose(checker: prose.Checker, text: str) -> None:
    assert page(checker, text) == []


def test_after_a_diagram_and_in_it_prose_is_checked(checker: prose.Checker) -> None:
    text = "```mermaid\nA->>B: furnished\n    end\n    end\n```\n\nIs furnished.\n\n```sh\nfurnished\n```\n"
    assert [line.split(": ")[0] for line in page(checker, text)] == ["page.md:2", "page.md:7"]


def test_docstrings_messages_and_comments_are_checked(checker: prose.Checker, tmp_path: Path) -> None:
    text = (
        '"""First line.\n\nWho was furnished.\n"""\n\n'
        "# This has\n# to be read.\n"
        "furnished = f'{len([]):>5} are furnished {max(1, 2)}'\n"
        "column = 'furnished'\n"
    )
    assert python(checker, tmp_path, text) == [
        "code.py:3: avoid 'furnished'; use: used",
        "code.py:6: avoid 'has to be'; use: must be",
        "code.py:8: avoid 'furnished'; use: used",
    ]


def test_names_are_checked_word_by_word(checker: prose.Checker, tmp_path: Path) -> None:
    path = tmp_path / "furnished_room.py"
    path.write_text("class InOrderTo:\n    is_refurnished = wasFurnished = FURNISHED_AT = 'furnished'\n")
    found = checker.name_findings(Path("code.py"), prose.python_names(path))
    assert [str(one) for one in found] == [
        "code.py:1: avoid 'furnished' in furnished_room; use: used",
        "code.py:1: avoid 'In Order To' in InOrderTo; use: used",
        "code.py:2: avoid 'FURNISHED' in FURNISHED_AT; use: used",
        "code.py:2: avoid 'Furnished' in wasFurnished; use: used",
    ]


def test_no_phrase_reaches_from_one_text_into_the_next(checker: prose.Checker, tmp_path: Path) -> None:
    assert python(checker, tmp_path, "a = 'what this has'\nb = 'to be or not'\n") == []


def test_doubled_words_are_found(checker: prose.Checker) -> None:
    word = "the"
    found = page(checker, f"The {word} is fine, {word} {word} is not: 0 0.")
    assert found == ["page.md:1: doubled word: 'the'"]


def test_proselint_runs_too_except_for_checks_that_are_off() -> None:
    found = page(prose.Checker(GLOSSARY, []), "Good.\n\nIt is very big.")
    assert [line.split(": ")[:2] for line in found] == [["page.md:3", "weasel_words.very"]]
    assert page(prose.Checker(GLOSSARY, ["weasel_words.very"]), "It is very big.") == []


def test_pages_and_folders_are_those_of_the_settings() -> None:
    settings = {"pages": ["docs/*.md"], "python": ["devtools"]}
    files = {path.as_posix() for path in prose.checked_files(settings)}
    assert {"docs/glossary.md", "devtools/prose.py"} <= files
    assert not [path for path in files if path.startswith("tests/") or path == "README.md"]

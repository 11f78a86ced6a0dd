"""docs/simulator.md names every API, control call, fault and option."""

from pathlib import Path

import pytest

from daraja_simulator.apis import APIS
from daraja_simulator.control import ROUTES
from daraja_simulator.faults import FAULTS, OPERATIONS
from daraja_simulator.options import option_names
from daraja_simulator.outcomes import table

PAGE = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()


@pytest.mark.parametrize("path", sorted({api.path for api in APIS if "/c2b/v2/" not in api.path}))
def test_apis(path: str) -> None:
    assert f"`{path}`" in PAGE


CONTROL_WORDS = {word for route in ROUTES for word in route.path.split("/")[1:] if not word.startswith("<")}


@pytest.mark.parametrize("word", sorted(CONTROL_WORDS))
def test_control_calls(word: str) -> None:
    assert f"/{word}" in PAGE


@pytest.mark.parametrize("name", [*FAULTS, *OPERATIONS])
def test_faults_and_operations(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("name", option_names())
def test_options(name: str) -> None:
    assert f"`{name}`" in PAGE.partition("\n## Options\n")[2]


@pytest.mark.parametrize("digits", [row[0] for row in table()])
def test_outcomes(digits: str) -> None:
    assert f"| `99{digits}` |" in PAGE

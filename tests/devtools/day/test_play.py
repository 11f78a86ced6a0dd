"""A very small day, from the first order to the last comparison."""

import pytest

from devtools.day.plan import Size
from devtools.day.play import demo_day
from devtools.narration import Narrator


@pytest.mark.timeout(400)
def test_the_books_agree_in_the_end(capfd: pytest.CaptureFixture[str]) -> None:
    assert demo_day(1, Size().smaller(250), Narrator()) == 0
    printed = capfd.readouterr().out
    assert "Both agree, shilling for shilling." in printed
    assert "Every rule holds." in printed

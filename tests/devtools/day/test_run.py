"""A very small day, from the first order to the comparison."""

import pytest

from devtools.console_output import ConsoleOutput
from devtools.day.plan import Size
from devtools.day.run import demo_day


@pytest.mark.timeout(400)
def test_the_ledger_and_the_record_agree(capfd: pytest.CaptureFixture[str]) -> None:
    assert demo_day(1, Size().smaller(250), ConsoleOutput()) == 0
    printed = capfd.readouterr().out
    assert "The ledger and the record agree." in printed
    assert "Every rule holds." in printed

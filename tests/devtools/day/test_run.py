"""A very small day, from the first order to the comparison."""

import re

import pytest

from devtools.console_output import ConsoleOutput
from devtools.day.plan import FAULTS, Size
from devtools.day.run import demo_day


@pytest.mark.timeout(400)
def test_the_ledger_and_the_record_agree(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FAULTS, "c2b.confirmation_lost", 1)
    assert demo_day(1, Size().smaller(250), ConsoleOutput()) == 0
    printed = capfd.readouterr().out
    assert "The ledger and the record agree." in printed
    assert "Every rule holds." in printed
    assert "Applied: " in printed
    # Both confirmations are lost: one before the operator's pull, and one after it.
    found = re.search(r"(\d+) by pulls .*, (\d+) by the statement", printed)
    assert found is not None
    assert int(found[1]) >= 1
    assert int(found[1]) + int(found[2]) >= 2

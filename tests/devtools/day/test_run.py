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
    assert demo_day(1, Size(stk=2, c2b=6, unmatched=3, refunds=2, payouts=2), ConsoleOutput()) == 0
    printed = capfd.readouterr().out
    assert "The ledger and the record agree." in printed
    assert "Every rule holds." in printed
    assert "Applied: " in printed
    # All confirmations are lost. Two customers pay in the evening, perhaps before the worker's first pull.
    found = re.search(r"(\d+) by pulls .*, (\d+) by the statement", printed)
    assert found is not None
    assert int(found[1]) >= 4
    assert int(found[1]) + int(found[2]) >= 6

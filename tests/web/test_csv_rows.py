"""CSV for spreadsheets."""

import csv
import io

from mpesa_service.web.csv_rows import csv_lines


def test_no_cell_is_taken_for_a_formula() -> None:
    cells = ["=1+1", "+254", "-1", "@x", "\ttab", "plain", None, 7, 'a "b", c']
    [line] = csv_lines([cells])
    assert line.endswith("\r\n")
    [found] = csv.reader(io.StringIO(line))
    assert found == ["'=1+1", "'+254", "'-1", "'@x", "'\ttab", "plain", "", "7", 'a "b", c']

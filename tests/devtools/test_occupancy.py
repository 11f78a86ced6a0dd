"""One run a directory."""

import subprocess
import sys
from pathlib import Path

import pytest

from devtools.occupancy import occupied
from devtools.place import Place
from devtools.problems import LocalProblem

HOLD = """
import sys
from pathlib import Path
from devtools.occupancy import occupied
from devtools.place import Place
with occupied(Place(Path(sys.argv[1]), 5005, 5006)):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_is_told_so_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"held\n"
        place = Place(tmp_path, 5015, 5016)
        with pytest.raises(LocalProblem, match="used by another run"), occupied(place):
            pass
        first.kill()
        first.wait()
        with occupied(place):
            assert (tmp_path / "lock").exists()

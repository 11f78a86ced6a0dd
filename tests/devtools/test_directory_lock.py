"""One run per directory."""

import subprocess
import sys
from pathlib import Path

import pytest

from devtools.directory_lock import locked
from devtools.errors import DevtoolsError
from devtools.paths import LocalPaths

HOLD = """
import sys
from pathlib import Path
from devtools.directory_lock import locked
from devtools.paths import LocalPaths
with locked(LocalPaths(Path(sys.argv[1]), 5005, 5006)):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_is_refused_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"held\n"
        paths = LocalPaths(tmp_path, 5015, 5016)
        with pytest.raises(DevtoolsError, match="Another run uses"), locked(paths):
            pass
        first.kill()
        first.wait()
        with locked(paths):
            assert (tmp_path / "lock").exists()

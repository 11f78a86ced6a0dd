"""Time handed in: one offset that all processes of a stack share, and clocks for one process."""

import mmap
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support import TestClock

_SECONDS = struct.Struct("d")


class SharedClock:
    """The real time plus an offset kept in a file, which every process sees at once."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(_SECONDS.pack(0.0))
        with path.open("r+b") as file:
            self._offset = mmap.mmap(file.fileno(), _SECONDS.size)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=_SECONDS.unpack(self._offset[:])[0])

    def advance(self, seconds: float) -> None:
        """Only one process may do this."""
        self._offset[:] = _SECONDS.pack(_SECONDS.unpack(self._offset[:])[0] + seconds)

    def close(self) -> None:
        self._offset.close()


class TickingClock(TestClock):
    """A clock that is moved by hand, and by two milliseconds whenever it is read."""

    __test__ = False

    def __call__(self) -> datetime:
        self.advance(0.002)
        return self.now

"""Reads the logs of child processes: their last lines, and the lines since the last read."""

from collections.abc import Iterator
from pathlib import Path

_BLOCK = 16_384


def last_lines(path: Path, count: int = 8) -> list[str]:
    """Return the last lines of a file, or none if there is no such file."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _BLOCK))
            return file.read().decode(errors="replace").splitlines()[-count:]
    except FileNotFoundError:
        return []


class Tail:
    """The lines that were added to a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = path.stat().st_size if path.exists() else 0

    def new_lines(self) -> Iterator[str]:
        """Yield the lines that were completed since the last call."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._position)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._position += len(line)
                yield line.decode(errors="replace").rstrip()

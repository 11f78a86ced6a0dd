"""One run a directory: two would share a database and a broker, and ask two simulators about it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from devtools.place import Place, shown_path
from devtools.problems import LocalProblem


@contextmanager
def occupied(place: Place) -> Iterator[None]:
    """Keep the directory for this run. Raises LocalProblem while another run has it.

    The lock is the process's own, so it is gone with it, however it ends.
    """
    with (place.directory / "lock").open("w") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise LocalProblem(
                f"{shown_path(place.directory)} is used by another run. Stop that one, or name another"
                " directory with --directory."
            ) from None
        yield

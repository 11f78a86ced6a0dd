"""A lock on the directory, because two runs in one directory would share a database."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from devtools.errors import DevtoolsError
from devtools.paths import LocalPaths, shown_path


@contextmanager
def locked(paths: LocalPaths) -> Iterator[None]:
    """Hold the lock of the directory. Raises DevtoolsError while another run holds it.

    The lock belongs to the process, so the system releases it however the process ends.
    """
    with (paths.directory / "lock").open("w") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DevtoolsError(
                f"Another run uses {shown_path(paths.directory)}. Stop that run, or choose another"
                " directory with --directory."
            ) from None
        yield

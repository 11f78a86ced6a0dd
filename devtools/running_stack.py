"""The stack of simulator, service and worker that is running, and the file that records it."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from devtools.secrets_file import write_private


@dataclass(frozen=True, slots=True)
class RunningStack:
    """The addresses of a stack that is ready, tokens for it, and the process that runs it."""

    url: str
    simulator_url: str
    user_token: str
    admin_token: str
    pid: int

    def save(self, path: Path) -> None:
        """Write the stack as JSON. Only the owner can read the file, because it holds tokens."""
        write_private(path, json.dumps({_camel(name): value for name, value in asdict(self).items()}) + "\n")

    @classmethod
    def load(cls, path: Path) -> "RunningStack | None":
        """Return the saved stack, or None if the file is missing or unusable."""
        try:
            saved: dict[str, Any] = json.loads(path.read_text())
            return cls(**{name: saved[_camel(name)] for name in cls.__dataclass_fields__})
        except (OSError, ValueError, KeyError, TypeError):
            return None


def remove_own_record(path: Path) -> None:
    """Remove a saved stack if this process saved it."""
    stack = RunningStack.load(path)
    if stack is not None and stack.pid == os.getpid():
        path.unlink(missing_ok=True)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)

"""kombu's folder broker, with atomic writes of messages.

kombu opens a message under its final name before it has written it. A worker may then read an empty file, and
crash. This channel writes the message under another name and renames it. `_put` is the method of kombu's
`virtual.Channel` that every transport must implement.
"""

import json
import time
import uuid
from pathlib import Path
from typing import Any

from kombu.transport import filesystem


class FileChannel(filesystem.Channel):
    """A channel whose `_put` is atomic. The names of messages sort by time, as long as the machine runs."""

    def _put(self, queue: str, payload: Any, **_: Any) -> None:  # type: ignore[override]
        folder = Path(self.data_folder_out)
        name = f"{round(time.monotonic() * 1000):015d}_{uuid.uuid4()}.{queue}.msg"
        unfinished = folder / f"{name}.unfinished"
        unfinished.write_text(json.dumps(payload))
        unfinished.replace(folder / name)


class FileTransport(filesystem.Transport):
    """The transport that `worker.py` names to Celery."""

    Channel = FileChannel

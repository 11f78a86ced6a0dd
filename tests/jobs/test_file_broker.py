"""Messages appear whole or not at all, with any number of writers and readers."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection


@pytest.fixture
def options(tmp_path: Path) -> dict[str, str]:
    for part in ("messages", "control"):
        (tmp_path / part).mkdir()
    folder = str(tmp_path / "messages")
    return {
        "data_folder_in": folder,
        "data_folder_out": folder,
        "control_folder": str(tmp_path / "control"),
    }


def connection(options: dict[str, str]) -> Connection:
    return Connection(
        "filesystem://", transport="mpesa_service.jobs.file_broker:FileTransport", transport_options=options
    )


def drain(options: dict[str, str], read: list[str], done: threading.Event) -> None:
    """Read messages until the writers are done and nothing is left."""
    with connection(options) as broker:
        channel = broker.channel()
        while True:
            finished = done.is_set()
            try:
                read.append(channel._get("jobs")["id"])
            except Empty:
                if finished:
                    return


def write(options: dict[str, str], part: int) -> None:
    with connection(options) as broker:
        for number in range(100):
            broker.channel()._put("jobs", {"id": f"{part}-{number}", "padding": "x" * 20_000})


def test_every_message_is_read_whole_and_once(options: dict[str, str]) -> None:
    done = threading.Event()
    with ThreadPoolExecutor(5) as pool:
        read: list[str] = []
        readers = [pool.submit(drain, options, read, done) for _ in range(2)]
        writers = [pool.submit(write, options, part) for part in range(3)]
        for writer in writers:
            writer.result()
        done.set()
        for reader in readers:
            reader.result()
    assert sorted(read) == sorted(f"{part}-{number}" for part in range(3) for number in range(100))
    assert list(Path(options["data_folder_in"]).iterdir()) == []


def test_an_unfinished_message_is_not_taken(options: dict[str, str]) -> None:
    with connection(options) as broker:
        channel = broker.channel()
        channel._put("jobs", {"id": 1})
        [message] = Path(options["data_folder_in"]).iterdir()
        message.rename(message.with_name(message.name + ".unfinished"))
        with pytest.raises(Empty):
            channel._get("jobs")


def test_messages_are_read_in_the_order_of_time(
    options: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even when the clock, which starts with the machine, gains a digit."""
    times = [9.999, 10.0, 99_999.999, 100_000.0]
    with connection(options) as broker:
        channel = broker.channel()
        for number, at in enumerate(times):
            monkeypatch.setattr(time, "monotonic", lambda at=at: at)
            channel._put("jobs", {"id": number})
        monkeypatch.undo()
        assert [channel._get("jobs")["id"] for _ in times] == [0, 1, 2, 3]

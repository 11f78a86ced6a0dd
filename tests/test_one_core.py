"""A worker stays on one core, and goes to a freer one when others are busy on its own."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue

import pytest
import requests

from mpesa_service import one_core
from mpesa_service.local.ports import free_port
from mpesa_service.one_core import OneCore, Reading, busy_seconds, freest
from tests.battery.processes import Child, wait_for
from tests.support import environment

STAT = """\
cpu  1200 0 600 9000 50 0 30 20 5 0
cpu0 1000 10 500 4000 50 3 20 17 5 0
cpu11 200 0 100 5000 0 0 10 3 0 0
intr 12345 0 0
ctxt 99
"""
needs_cores = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2, reason="needs two cores"
)


def after(seconds: float, *, own: float = 0.0, **busy: float) -> Reading:
    """Return a reading so many seconds after `NOTHING`, with the busy seconds of core c0, c1 and so on."""
    return Reading(seconds, {int(name[1:]): value for name, value in busy.items()}, own)


NOTHING = after(0, c0=0, c1=0, c2=0)


def test_all_that_is_not_rest_is_busy() -> None:
    """Rest is what is idle or waits for a disk; what ran in a guest is in `user` already."""
    assert busy_seconds(STAT, 100) == {0: 15.5, 11: 3.13}


@pytest.mark.parametrize(
    ("reading", "core"),
    [
        pytest.param(after(2, own=0.3, c0=2, c1=0, c2=1), 1, id="others use this core up"),
        pytest.param(after(2, own=0, c0=2, c1=0, c2=1), 1, id="others keep it from its work"),
        pytest.param(after(2, own=2, c0=2, c1=0, c2=0), 0, id="it is this process that does"),
        pytest.param(after(2, own=1, c0=2, c1=1.8, c2=0.2), 2, id="others use a half of it"),
        pytest.param(after(2, own=1, c0=2, c1=0.6, c2=0.6), 0, id="another is hardly freer"),
        pytest.param(after(2, c0=0, c1=0, c2=0), 0, id="nobody is busy"),
        pytest.param(after(2, own=1, c0=2, c1=1), 0, id="the free one is gone, the other no freer"),
        pytest.param(after(2, own=1, c1=0, c2=0), 0, id="nothing is known of this core"),
        pytest.param(after(0, own=1, c0=2, c1=0, c2=0), 0, id="no time has passed"),
    ],
)
def test_it_goes_where_others_leave_more(reading: Reading, core: int) -> None:
    assert freest(0, [0, 1, 2], NOTHING, reading) == core


def test_it_never_goes_where_it_may_not() -> None:
    assert freest(0, [0, 1], NOTHING, after(2, own=0.5, c0=2, c1=0.5, c2=0)) == 1


class Held:
    """Stands for the system's call: what each thread of a process was held on last."""

    def __init__(self) -> None:
        self.cores: list[list[int]] = []
        self.error: OSError | None = None

    def __call__(self, _thread: int, cores: list[int]) -> None:
        if self.error is not None and len(cores) == 1:
            raise self.error
        self.cores.append(cores)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Held:
    threads = tmp_path / "task"
    threads.mkdir()
    (threads / "1").touch()
    monkeypatch.setattr(one_core, "THREADS", threads)
    found = Held()
    monkeypatch.setattr(os, "sched_setaffinity", found, raising=False)
    return found


def test_each_look_compares_with_the_one_before(held: Held) -> None:
    seen = [after(2, own=1, c0=2, c1=0), after(4, own=2, c0=2, c1=2), after(6, own=3, c0=4, c1=2)]
    readings = iter([NOTHING, *seen])
    kept = OneCore([0, 1], 0, read=lambda: next(readings))
    for _ in range(3):
        kept.look()
    assert held.cores == [[0], [1], [0], [1]]


def test_a_thread_that_began_meanwhile_is_held_too(held: Held, tmp_path: Path) -> None:
    kept = OneCore([0, 1], 0, read=lambda: NOTHING)
    (tmp_path / "task" / "2").touch()
    kept.look()
    assert held.cores == [[0]] * 3


def test_a_thread_that_ends_meanwhile_is_no_trouble(held: Held) -> None:
    held.error = ProcessLookupError()
    OneCore([0, 1], 0, read=lambda: NOTHING).look()


def test_the_system_decides_again_when_it_says_no(held: Held, caplog: pytest.LogCaptureFixture) -> None:
    kept = OneCore([0, 1], 0, read=lambda: NOTHING)
    held.error = PermissionError("not here")
    kept.follow(wait=lambda _: None)
    assert held.cores[-1] == [0, 1]
    assert [record.message for record in caplog.records] == ["cores are left to the system"]


def test_a_system_that_forbids_it_is_left_alone(
    held: Held, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    held.error = PermissionError("not here")
    assert one_core.stay(1) is None
    assert held.cores == [[0, 1]]
    assert [record.message for record in caplog.records] == ["cores are left to the system"]


@pytest.mark.parametrize("cores", [{0}, {5}], ids=str)
def test_where_there_is_one_core_there_is_nothing_to_do(
    held: Held, monkeypatch: pytest.MonkeyPatch, cores: set[int]
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: cores, raising=False)
    assert one_core.stay(1) is None
    assert held.cores == []


def test_where_the_system_has_no_such_call_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    assert one_core.stay(1) is None


@pytest.mark.parametrize(
    "stat",
    [
        pytest.param(None, id="hidden"),
        pytest.param("cpu 1 2\ncpu0 1 2\ncpu1 1 2\n", id="too short"),
        pytest.param(STAT.replace("cpu0", "cpu1"), id="numbered in its own way"),
        pytest.param(STAT.replace("1000", "many"), id="no numbers"),
    ],
)
def test_where_the_system_does_not_say_who_is_busy_it_decides(
    held: Held,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    stat: str | None,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 11}, raising=False)
    monkeypatch.setattr(one_core, "STAT", tmp_path / "stat")
    if stat is not None:
        (tmp_path / "stat").write_text(stat)
    assert one_core.stay(1) is None
    assert held.cores == [[0, 11]]
    assert [record.message for record in caplog.records] == ["cores are left to the system"]


def test_a_process_that_stays_follows(held: Held, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    followed = Queue[OneCore]()
    monkeypatch.setattr(OneCore, "follow", lambda kept: followed.put(kept))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 11}, raising=False)
    monkeypatch.setattr(one_core, "STAT", tmp_path / "stat")
    (tmp_path / "stat").write_text(STAT)
    kept = one_core.stay(3)
    assert kept is not None
    assert (followed.get(timeout=10), kept.core, held.cores) == (kept, 11, [[11]])


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Callable[..., Child]]:
    port, started = free_port(), list[Child]()

    def start(**changes: str) -> Child:
        env = {**os.environ, **environment(**changes), "BIND": f"127.0.0.1:{port}"}
        command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
        child = Child(command, env, tmp_path / "web.log")
        started.append(child)
        child.start()
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/healthz"), "gunicorn")
        return child

    yield start
    for child in started:
        child.kill()


def workers_of(child: Child) -> list[int]:
    return [int(pid) for pid in re.findall(r"Booting worker with pid: (\d+)", child.log.read_text())]


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False


def cores_of(worker: int) -> set[frozenset[int]]:
    """Return the sets of cores that the worker's threads may run on."""
    threads = Path(f"/proc/{worker}/task").iterdir()
    return {frozenset(os.sched_getaffinity(int(thread.name))) for thread in threads}


@needs_cores
def test_siblings_stay_on_different_cores_with_all_their_threads(web: Callable[..., Child]) -> None:
    child = web(WEB_CONCURRENCY="2")

    def are_apart() -> bool:
        found = [cores_of(worker) for worker in workers_of(child)]
        alone = all(len(sets) == 1 and len(min(sets)) == 1 for sets in found)
        return alone and len(found) == 2 and found[0] != found[1]

    wait_for(are_apart, "each worker on a core of its own")


@needs_cores
def test_a_worker_uses_all_cores_where_that_is_wanted(web: Callable[..., Child]) -> None:
    [worker] = workers_of(web(WEB_ONE_CORE="false"))
    assert cores_of(worker) == {frozenset(os.sched_getaffinity(0))}

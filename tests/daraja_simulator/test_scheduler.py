"""The simulated clock and its jobs."""

import threading
from datetime import UTC, datetime

from daraja_simulator.scheduler import Scheduler

START = datetime(2026, 1, 1, tzinfo=UTC)


def manual_scheduler() -> Scheduler:
    return Scheduler(lambda: START, manual=True)


def test_due_actions_run_in_order_at_their_times() -> None:
    scheduler, seen = manual_scheduler(), []

    def note(name: str) -> None:
        seen.append((name, (scheduler.now() - START).total_seconds()))

    scheduler.after(2, lambda: note("second"))
    scheduler.after(1, lambda: (note("first"), scheduler.after(0.5, lambda: note("child"))))
    scheduler.after(9, lambda: note("never"))
    assert scheduler.advance(5) == 3
    assert seen == [("first", 1), ("child", 1.5), ("second", 2)]
    assert (scheduler.now() - START).total_seconds() == 5


def test_a_group_can_run_early() -> None:
    scheduler, seen = manual_scheduler(), []
    for number in (2, 1):
        scheduler.after(number, lambda number=number: seen.append(number), "group")
    scheduler.after(1, lambda: seen.append("other"))
    assert scheduler.run_group("group") == 2
    assert seen == [1, 2]
    assert scheduler.now() == START


def test_clear() -> None:
    scheduler = manual_scheduler()
    scheduler.after(1, lambda: None)
    scheduler.clear()
    assert scheduler.advance(5) == 0


def test_actions_run_in_real_time() -> None:
    scheduler, done = Scheduler(), threading.Event()
    scheduler.start()
    scheduler.start()
    scheduler.after(60, lambda: None)
    scheduler.after(0.01, done.set)
    assert done.wait(20)
    scheduler.stop()


def test_advance_waits_for_running_actions() -> None:
    scheduler = Scheduler()
    started, go_on, seen = threading.Event(), threading.Event(), []

    def slow() -> None:
        started.set()
        go_on.wait(20)
        seen.append("slow")

    scheduler.start()
    scheduler.after(0, slow)
    assert started.wait(20)
    threading.Timer(0.05, go_on.set).start()
    scheduler.advance(1)
    assert seen == ["slow"]
    scheduler.wait_until_idle(1)
    scheduler.stop()


def test_leaving_manual_mode() -> None:
    scheduler, done = Scheduler(manual=True), threading.Event()
    scheduler.start()
    scheduler.after(0, done.set)
    assert not done.wait(0.05)
    scheduler.set_manual(False)
    assert done.wait(20)
    scheduler.stop()


def test_stopping_before_starting() -> None:
    scheduler, seen = manual_scheduler(), []
    scheduler.after(0, lambda: seen.append("done"))
    scheduler.stop()
    assert seen == []

"""Children, the watchdog, and the wish to stop."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools import processes, watchdog
from devtools.ports import free_port, require_free
from devtools.problems import ChildDied, LocalProblem, Stopped, TaskFailed, how_it_ended
from devtools.processes import Crew
from devtools.programs import Program
from devtools.stopping import StopRequest
from tests.devtools.conftest import alive, descendants, eventually, pid_of


@pytest.fixture
def stop() -> Iterator[StopRequest]:
    with StopRequest() as request:
        yield request


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-S", "-c", code)


def program(tmp_path: Path, code: str) -> Program:
    return Program("sleeper", python(code), tmp_path / "log")


def never() -> bool:
    return False


class TestCrew:
    def test_a_death_is_told_with_the_log(self, stop: StopRequest, tmp_path: Path):
        with Crew(stop, os.environ) as crew:
            sleeper = program(tmp_path, "import sys; print('before the end'); sys.exit(3)")
            crew.start(sleeper)
            with pytest.raises(
                ChildDied, match=r"sleeper ended by itself \(exit code 3\)(.|\n)*before the end"
            ):
                crew.wait_until(never, sleeper)

    def test_a_stubborn_child_and_its_child_are_killed(self, stop: StopRequest, tmp_path: Path, monkeypatch):
        monkeypatch.setattr(processes, "_GRACE", 0.2)
        code = (
            "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
            "subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(61)']);"
            "print('up', flush=True); time.sleep(60)"
        )
        others = descendants(os.getpid())
        with Crew(stop, os.environ) as crew:
            sleeper = program(tmp_path, code)
            crew.start(sleeper)
            crew.wait_until(lambda: "up" in sleeper.log.read_text(), sleeper)
            eventually(lambda: pid_of(os.getpid(), "sleep(61)"), "a grandchild")
            family = set(descendants(os.getpid())) - set(others)
        assert len(family) >= 2
        assert not any(map(alive, family))

    def test_one_that_is_never_ready_is_given_up(self, stop: StopRequest, tmp_path: Path, monkeypatch):
        monkeypatch.setattr(processes, "PATIENCE", 0.1)
        with Crew(stop, os.environ) as crew:
            sleeper = program(tmp_path, "import time; time.sleep(60)")
            crew.start(sleeper)
            with pytest.raises(LocalProblem, match="sleeper was not ready within"):
                crew.wait_until(never, sleeper)

    def test_tasks_run_side_by_side_and_give_their_output(self, stop: StopRequest):
        with Crew(stop, {"NAME": "value"}) as crew:
            tasks = [python("import os; print(os.environ['NAME'])"), python("print(2)")]
            assert crew.run_all(tasks) == ["value", "2"]

    def test_a_task_that_fails_is_told(self, stop: StopRequest):
        with Crew(stop, os.environ) as crew, pytest.raises(TaskFailed, match=r"exit code 4(.|\n)*\| reason"):
            crew.run_all([python("import sys; print('reason', file=sys.stderr); sys.exit(4)")])

    def test_a_task_is_ended_when_a_stop_comes(self, stop: StopRequest):
        with Crew(stop, os.environ) as crew:
            timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM))
            timer.start()
            with pytest.raises(Stopped):
                crew.run_all([python("import time; time.sleep(62)")])
            timer.join()
            assert pid_of(os.getpid(), "sleep(62)") is None

    def test_a_dead_watchdog_is_no_trouble(self, stop: StopRequest):
        with Crew(stop, os.environ) as crew:
            dog = pid_of(os.getpid(), "watchdog.py")
            assert dog is not None
            os.kill(dog, signal.SIGKILL)
            eventually(lambda: not alive(dog), "its end")
            assert crew.run_all([python("print(1)")]) == ["1"]


class TestWatchdog:
    def test_groups_come_and_go(self):
        assert watchdog.surviving(["+5\n", "+7\n", "-5\n", "-9\n"]) == {7}

    def test_what_is_left_is_killed(self, monkeypatch):
        monkeypatch.setattr(watchdog.signal, "signal", lambda *_: None)
        process = subprocess.Popen(python("import time; time.sleep(60)"), start_new_session=True)
        watchdog.watch([f"+{process.pid}\n"])
        assert process.wait() == -signal.SIGKILL
        watchdog.kill_group(process.pid)


class TestStopRequest:
    def test_ends_a_pause(self, stop: StopRequest):
        stop.check()
        stop.pause(0)
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Stopped, match="SIGINT"):
            stop.pause(60)

    def test_is_urgent_when_repeated_but_not_when_echoed(self, stop: StopRequest, monkeypatch):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        assert not stop.urgent
        later = time.monotonic() + 1
        monkeypatch.setattr(time, "monotonic", lambda: later)
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.urgent

    def test_gives_the_signals_back(self):
        before = signal.getsignal(signal.SIGINT)
        with StopRequest():
            assert signal.getsignal(signal.SIGINT) != before
        assert signal.getsignal(signal.SIGINT) == before


class TestPorts:
    def test_a_listener_counts_and_a_dying_connection_does_not(self):
        port = free_port()
        with socket.create_server(("127.0.0.1", port)) as listener:
            with pytest.raises(LocalProblem, match=f"Port {port} is taken by another program. Set PORT"):
                require_free(port, "PORT")
            caller = socket.create_connection(("127.0.0.1", port))
            listener.accept()[0].close()  # this side closes first, and so is left in TIME_WAIT
            caller.recv(1)
            caller.close()
        require_free(port, "PORT")

    def test_one_that_only_root_may_use(self, monkeypatch):
        def refuse(*_: object) -> None:
            raise PermissionError

        monkeypatch.setattr(socket, "create_server", refuse)
        with pytest.raises(LocalProblem, match="Port 80 may not be used by you"):
            require_free(80, "PORT")

    def test_the_example_is_a_port_too(self, monkeypatch):
        def refuse(*_: object) -> None:
            raise OSError

        monkeypatch.setattr(socket, "create_server", refuse)
        with pytest.raises(LocalProblem, match="PORT=65525"):
            require_free(65_535, "PORT")


def test_how_it_ended():
    assert how_it_ended(1) == "exit code 1"
    assert how_it_ended(-15) == "killed by SIGTERM"

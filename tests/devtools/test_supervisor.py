"""Child processes, the watchdog, and stop requests."""

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

from devtools import supervisor as supervisor_module
from devtools import watchdog_process
from devtools.errors import DevtoolsError, ProcessExited, Stopped, TaskFailed, exit_reason
from devtools.ports import free_port, require_free
from devtools.programs import Program
from devtools.stop_request import StopRequest
from devtools.supervisor import Supervisor
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


class TestSupervisor:
    def test_an_exit_is_reported_with_the_log(self, stop: StopRequest, tmp_path: Path):
        with Supervisor(stop, os.environ) as supervisor:
            sleeper = program(tmp_path, "import sys; print('before the end'); sys.exit(3)")
            supervisor.start(sleeper)
            with pytest.raises(
                ProcessExited, match=r"sleeper exited unexpectedly \(exit code 3\)(.|\n)*before the end"
            ):
                supervisor.wait_until(never, sleeper)

    def test_a_stubborn_child_and_its_child_are_killed(self, stop: StopRequest, tmp_path: Path, monkeypatch):
        monkeypatch.setattr(supervisor_module, "_TERMINATION_TIMEOUT", 0.2)
        code = (
            "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
            "subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(61)']);"
            "print('up', flush=True); time.sleep(60)"
        )
        others = descendants(os.getpid())
        with Supervisor(stop, os.environ) as supervisor:
            sleeper = program(tmp_path, code)
            supervisor.start(sleeper)
            supervisor.wait_until(lambda: "up" in sleeper.log.read_text(), sleeper)
            eventually(lambda: pid_of(os.getpid(), "sleep(61)"), "a grandchild")
            family = set(descendants(os.getpid())) - set(others)
        assert len(family) >= 2
        eventually(lambda: not any(map(alive, family)), "the end of the processes")

    def test_a_program_that_is_never_ready_times_out(self, stop: StopRequest, tmp_path: Path, monkeypatch):
        monkeypatch.setattr(supervisor_module, "START_TIMEOUT", 0.1)
        with Supervisor(stop, os.environ) as supervisor:
            sleeper = program(tmp_path, "import time; time.sleep(60)")
            supervisor.start(sleeper)
            with pytest.raises(DevtoolsError, match="sleeper was not ready within"):
                supervisor.wait_until(never, sleeper)

    def test_tasks_run_in_parallel_and_return_their_output(self, stop: StopRequest):
        with Supervisor(stop, {"NAME": "value"}) as supervisor:
            tasks = [python("import os; print(os.environ['NAME'])"), python("print(2)")]
            assert supervisor.run_all(tasks) == ["value", "2"]

    def test_the_output_of_a_failed_task_is_shown(self, stop: StopRequest):
        with (
            Supervisor(stop, os.environ) as supervisor,
            pytest.raises(TaskFailed, match=r"exit code 4(.|\n)*\| reason"),
        ):
            supervisor.run_all([python("import sys; print('reason', file=sys.stderr); sys.exit(4)")])

    def test_a_task_is_ended_when_a_stop_comes(self, stop: StopRequest):
        with Supervisor(stop, os.environ) as supervisor:
            timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM))
            timer.start()
            with pytest.raises(Stopped):
                supervisor.run_all([python("import time; time.sleep(62)")])
            timer.join()
            assert pid_of(os.getpid(), "sleep(62)") is None

    def test_the_supervisor_works_without_the_watchdog(self, stop: StopRequest):
        with Supervisor(stop, os.environ) as supervisor:
            dog = pid_of(os.getpid(), "watchdog_process.py")
            assert dog is not None
            os.kill(dog, signal.SIGKILL)
            eventually(lambda: not alive(dog), "its end")
            assert supervisor.run_all([python("print(1)")]) == ["1"]


class TestWatchdog:
    def test_surviving_groups(self):
        assert watchdog_process.surviving(["+5\n", "+7\n", "-5\n", "-9\n"]) == {7}

    def test_surviving_groups_are_killed(self, monkeypatch):
        monkeypatch.setattr(watchdog_process.signal, "signal", lambda *_: None)
        process = subprocess.Popen(python("import time; time.sleep(60)"), start_new_session=True)
        watchdog_process.watch([f"+{process.pid}\n"])
        assert process.wait() == -signal.SIGKILL
        watchdog_process.kill_group(process.pid)


class TestStopRequest:
    def test_ends_a_pause(self, stop: StopRequest):
        stop.check()
        stop.pause(0)
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Stopped, match="SIGINT"):
            stop.pause(60)

    def test_is_urgent_when_repeated_but_not_when_delivered_twice(self, stop: StopRequest, monkeypatch):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        assert not stop.urgent
        later = time.monotonic() + 1
        monkeypatch.setattr(time, "monotonic", lambda: later)
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.urgent

    def test_restores_the_signal_handlers(self):
        before = signal.getsignal(signal.SIGINT)
        with StopRequest():
            assert signal.getsignal(signal.SIGINT) != before
        assert signal.getsignal(signal.SIGINT) == before


class TestPorts:
    def test_a_listener_counts_and_a_closing_connection_does_not(self):
        port = free_port()
        with socket.create_server(("127.0.0.1", port)) as listener:
            with pytest.raises(DevtoolsError, match=f"Port {port} is in use by another program. Set PORT"):
                require_free(port, "PORT")
            caller = socket.create_connection(("127.0.0.1", port))
            listener.accept()[0].close()  # this side closes first, and so is left in TIME_WAIT
            caller.recv(1)
            caller.close()
        require_free(port, "PORT")

    def test_a_port_that_needs_root(self, monkeypatch):
        def refuse(*_: object) -> None:
            raise PermissionError

        monkeypatch.setattr(socket, "create_server", refuse)
        with pytest.raises(DevtoolsError, match="Port 80 needs more permissions than you have"):
            require_free(80, "PORT")

    def test_the_suggested_port_is_valid(self, monkeypatch):
        def refuse(*_: object) -> None:
            raise OSError

        monkeypatch.setattr(socket, "create_server", refuse)
        with pytest.raises(DevtoolsError, match="PORT=65525"):
            require_free(65_535, "PORT")


def test_how_it_ended():
    assert exit_reason(1) == "exit code 1"
    assert exit_reason(-15) == "killed by SIGTERM"

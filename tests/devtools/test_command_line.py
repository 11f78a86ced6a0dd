"""The whole command, as people and programs use it."""

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from devtools.command_line import main
from devtools.paths import ROOT, LocalPaths
from devtools.ports import require_free
from tests.devtools.conftest import (
    TIMEOUT,
    Running,
    alive,
    clean_environment,
    command_line,
    descendants,
    eventually,
    launch,
    pid_of,
    start_run,
)


def arguments(command: str, paths: LocalPaths) -> list[str]:
    named = {"port": paths.port, "simulator-port": paths.simulator_port, "directory": paths.directory}
    return [command, *(f"--{name}={value}" for name, value in named.items())]


@pytest.fixture
def plain_environment(monkeypatch):
    for name in set(os.environ) - set(clean_environment()):
        monkeypatch.delenv(name)


class TestRunning:
    """These tests run in this order on one stack. The last test ends it."""

    def test_takes_a_payment(self, running: Running):
        body = {"orderId": "ORDER-1", "amount": 100, "phoneNumber": "0712997777"}
        started = running.call("POST", "initiate", **body)
        assert started.status_code == 201
        reference = started.json()["data"]["checkoutRequestId"]
        running.simulator(f"prompts/{reference}/pin", pin="0000")
        payment = running.call("GET", f"query/{reference}").json()["data"]
        assert payment["status"] == "succeeded"
        refused = running.call("POST", f"{reference}/refund", amount=40)
        assert refused.status_code == 403
        refund = running.call("POST", f"{reference}/refund", "adminToken", amount=40)
        assert refund.json()["data"]["status"] == "pending"

    def test_shows_what_happens_at_the_simulator(self, running: Running):
        running.call("POST", "initiate", orderId="ORDER-2", amount=7, phoneNumber="0712997777")
        event = "prompt on 254712***777: KES 7 "
        eventually(lambda: event in running.printed(), "the simulator's events")
        line = next(line for line in running.printed().splitlines() if event in line)
        assert line.startswith("simulator | ")

    def test_prints_lines_that_take_a_payment_when_pasted(self, running: Running):
        lines = [
            line
            for line in running.printed().partition("\n2. Query")[0].splitlines()
            if line.startswith(("API=", "USER_TOKEN=", "ORDER=", "ANSWER=", "  -H", "ID="))
        ]
        script = "\n".join([*lines, 'echo "paid with $ID"'])
        done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, timeout=TIMEOUT)
        assert "paid with ws_CO_" in done.stdout, done.stdout + done.stderr

    def test_operator_commands_work_on_it(self, running: Running):
        started = running.call("POST", "initiate", orderId="ORDER-3", amount=8, phoneNumber="0712997778")
        assert started.status_code == 201
        command = f"set -a; . {running.paths.settings}; set +a; {sys.executable} -m flask --app wsgi mpesa "
        listed = subprocess.run(
            ["/bin/sh", "-c", command + "payments list --order ORDER-3"],
            cwd=ROOT,
            env={},
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        assert listed.returncode == 0, listed.stderr
        assert "254712***778" in listed.stdout
        assert f". {running.paths.settings}; set +a" in running.printed()

    def test_leaves_private_files(self, running: Running):
        paths = running.paths
        for path in (paths.secrets, paths.settings, paths.record, running.ready_file):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert set(running.ready) == {"url", "simulatorUrl", "userToken", "adminToken", "pid"}
        assert running.ready["pid"] == running.process.pid

    @pytest.mark.parametrize("taken", ["PORT", "SIMULATOR_PORT"])
    def test_a_port_in_use_prints_one_line(
        self, running: Running, paths: LocalPaths, taken: str, tmp_path: Path
    ):
        port = running.paths.port if taken == "PORT" else running.paths.simulator_port
        process = launch(paths, tmp_path / "shown", "run", **{taken: str(port)})
        assert process.wait(TIMEOUT) == 1
        (line,) = (tmp_path / "shown").read_text().splitlines()
        assert f"Port {port} is in use" in line
        assert f"Set {taken} " in line
        assert not paths.directory.exists()

    def test_the_demo_uses_the_running_stack(self, running: Running, tmp_path: Path):
        process = launch(running.paths, tmp_path / "shown", "demo")
        assert process.wait(TIMEOUT) == 0
        shown = (tmp_path / "shown").read_text()
        assert f"Using the running service {running.ready['url']}" in shown
        assert "The ledger and the record agree" in shown
        assert "\x1b" not in shown
        (endpoint,) = running.call("GET", "webhooks", "adminToken").json()["data"]
        assert not endpoint["enabled"], "the demo disables its webhook at the end"

    @pytest.mark.usefixtures("plain_environment")
    def test_the_demo_with_lost_and_doubled_callbacks(self, running: Running, capsys):
        """For a lost callback, the worker queries Daraja about half a minute after the push."""
        many = ("--lost=20", "--doubled=30", "--payments=20", "--seed=7")
        assert main([*arguments("demo", running.paths), *many]) == 0
        shown = capsys.readouterr().out
        assert "callbacks    4 lost, 6 doubled" in shown
        assert "SEED=7 repeats this run" in shown
        assert shown.count("20/20") == 2
        assert "settled      16 by callback, 4 by query" in shown
        assert "published    20 events for 20 payments" in shown
        assert "All three agree, and each payment was published once." in shown

    @pytest.mark.usefixtures("plain_environment")
    def test_the_demo_fails_when_a_step_does(self, running: Running, capsys):
        running.simulator("script", **{"for": "stk_push", "fault": "callback_lost", "outcome": "hold"})
        assert main(arguments("demo", running.paths)) == 1
        assert capsys.readouterr().err == "This step failed: M-Pesa sent no callback.\n"
        running.simulator("reset", auto="hold")

    def test_ctrl_c_stops_all(self, running: Running):
        family = descendants(running.process.pid)
        assert len(family) >= 4  # watchdog, simulator, gunicorn and its worker
        assert running.end(signal.SIGINT) == 0
        eventually(lambda: not any(map(alive, family)), "the end of the processes")
        assert "Traceback" not in running.printed()
        assert running.printed().endswith("Stopped.\n")
        require_free(running.paths.port, "PORT")
        require_free(running.paths.simulator_port, "SIMULATOR_PORT")
        assert not running.paths.record.exists()
        assert not running.ready_file.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_during_the_start_leaves_no_process(paths: LocalPaths, tmp_path: Path, number: int):
    process = launch(paths, tmp_path / "shown", "run")
    eventually(lambda: pid_of(process.pid, "daraja_simulator"), "a child")
    family = descendants(process.pid)
    process.send_signal(number)
    assert process.wait(TIMEOUT) == 0
    assert "Traceback" not in (tmp_path / "shown").read_text()
    eventually(lambda: not any(map(alive, family)), "the end of the processes")


def test_a_killed_parent_leaves_no_child(tmp_path: Path):
    running = start_run(tmp_path, "--quiet")
    family = descendants(running.process.pid)
    assert any("gunicorn" in command_line(pid) for pid in family)
    running.end(signal.SIGKILL)
    eventually(lambda: not any(map(alive, family)), "the end of the children")
    assert running.printed() == ""


@pytest.mark.usefixtures("plain_environment")
def test_the_exit_of_one_program_ends_the_others(paths: LocalPaths, tmp_path: Path, capsys):
    me = os.getpid()

    def strike() -> None:
        eventually(paths.record.exists, "ready")
        child = pid_of(me, f"--port {paths.simulator_port}")
        assert child is not None
        os.kill(child, signal.SIGKILL)

    striker = threading.Thread(target=strike)
    striker.start()
    code = main([*arguments("run", paths), "--ready-file", str(tmp_path / "ready.json")])
    striker.join()
    shown = capsys.readouterr()
    assert code == 1
    assert "The simulator exited unexpectedly (killed by SIGKILL); the last lines of" in shown.err
    assert f"| {paths.simulator_url}" not in shown.err
    assert "phone page" in shown.err  # of the simulator's log
    assert "USER_TOKEN=" in shown.out
    require_free(paths.port, "PORT")
    assert not paths.record.exists()


@pytest.mark.usefixtures("plain_environment")
def test_the_demo_starts_a_stack_of_its_own(paths: LocalPaths, capsys):
    assert main(arguments("demo", paths)) == 0
    shown = capsys.readouterr().out
    receipts = {line.split()[1] for line in shown.splitlines() if line.split()[:1] == ["receipt"]}
    assert len(receipts) == 3
    assert "partially_refunded" in shown
    assert "status       fulfilled" in shown
    assert "5: succeeded, refund, partially refunded, refund, refunded" in shown
    assert "Only 600 shillings of this payment can still be refunded." in shown
    assert "The ledger and the record agree" in shown
    assert not paths.directory.exists()


def test_ctrl_c_during_the_fault_scenario_leaves_no_process(paths: LocalPaths, tmp_path: Path):
    process = launch(paths, tmp_path / "shown", "demo", LOST="100", PAYMENTS="5")
    eventually(lambda: pid_of(process.pid, "order_service.py"), "the order service")
    eventually(lambda: "customers pay" in (tmp_path / "shown").read_text(), "the second scenario")
    family = descendants(process.pid)
    process.send_signal(signal.SIGINT)
    assert process.wait(TIMEOUT) == 130
    shown = (tmp_path / "shown").read_text()
    assert shown.endswith("Stopped before the end.\n")
    assert "Traceback" not in shown
    eventually(lambda: not any(map(alive, family)), "the end of the processes")


@pytest.mark.usefixtures("plain_environment")
def test_percentages_above_100(paths: LocalPaths, capsys):
    assert main([*arguments("demo", paths), "--lost=60", "--doubled=41"]) == 1
    assert "Their sum can be 100 at most" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option", ["--lost=101", "--doubled=-1", "--lost=ten", "--payments=0", "--payments=201", "--seed=x"]
)
def test_fault_options_are_whole_numbers(paths: LocalPaths, option: str, capsys):
    with pytest.raises(SystemExit):
        main([*arguments("demo", paths), option])
    assert option.partition("=")[0] in capsys.readouterr().err


@pytest.mark.usefixtures("plain_environment")
def test_the_output_of_a_failed_migration_is_shown(paths: LocalPaths, capsys, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{paths.directory}/nowhere/local.db")
    monkeypatch.setenv("MPESA_ENVIRONMENT", "sandbox")
    assert main(arguments("run", paths)) == 1
    shown = capsys.readouterr()
    assert shown.err.startswith("alembic upgrade head failed (exit code 1):")
    assert "unable to open database file" in shown.err
    assert "MPESA_ENVIRONMENT=sandbox and its credentials are ignored" in shown.out


def test_both_ports_are_the_same(paths: LocalPaths, capsys):
    assert main(["run", f"--port={paths.port}", f"--simulator-port={paths.port}"]) == 1
    assert "They must differ" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["0", "65536", "http", "", "-1", "\u0665"])
def test_a_port_is_a_number(text: str, capsys):
    with pytest.raises(SystemExit):
        main(["run", f"--port={text}"])
    assert "whole number from 1 to 65535" in capsys.readouterr().err


def test_a_directory_that_cannot_be_created(paths: LocalPaths, capsys):
    paths.directory.write_text("a file")
    assert main(arguments("run", paths)) == 1
    assert "Cannot create" in capsys.readouterr().err


def test_the_package_outside_a_checkout(paths: LocalPaths, capsys, monkeypatch, tmp_path: Path):
    monkeypatch.setattr("devtools.startup.ROOT", tmp_path)
    assert main(arguments("run", paths)) == 1
    assert "It lacks wsgi.py, gunicorn.conf.py, alembic.ini." in capsys.readouterr().err


def test_a_closed_output_prints_no_traceback(paths: LocalPaths):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "devtools", *arguments("run", paths)]
    done = subprocess.run(
        command, cwd=ROOT, env=clean_environment(), stdout=writing, stderr=subprocess.PIPE, timeout=TIMEOUT
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.usefixtures("plain_environment")
def test_a_stopped_demo_reports_it(paths: LocalPaths, capsys):
    me = os.getpid()

    def stop() -> None:
        eventually(lambda: pid_of(me, "daraja_simulator"), "a child")
        os.kill(me, signal.SIGINT)

    stopper = threading.Thread(target=stop)
    stopper.start()
    assert main(arguments("demo", paths)) == 130
    stopper.join()
    assert "Stopped before the end." in capsys.readouterr().out

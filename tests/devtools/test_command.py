"""The whole command, as a person and as a program use it."""

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from devtools.command import main
from devtools.place import ROOT, Place
from devtools.ports import require_free
from tests.devtools.conftest import (
    PATIENCE,
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


def arguments(command: str, place: Place) -> list[str]:
    named = {"port": place.port, "simulator-port": place.simulator_port, "directory": place.directory}
    return [command, *(f"--{name}={value}" for name, value in named.items())]


@pytest.fixture
def plain_environment(monkeypatch):
    for name in set(os.environ) - set(clean_environment()):
        monkeypatch.delenv(name)


class TestRunning:
    """In this order, on one pair: the last test ends it."""

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
            for line in running.printed().partition("\n2. Ask")[0].splitlines()
            if line.startswith(("API=", "USER_TOKEN=", "ORDER=", "ANSWER=", "  -H", "ID="))
        ]
        script = "\n".join([*lines, 'echo "paid with $ID"'])
        done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, timeout=PATIENCE)
        assert "paid with ws_CO_" in done.stdout, done.stdout + done.stderr

    def test_operators_commands_work_on_it(self, running: Running):
        started = running.call("POST", "initiate", orderId="ORDER-3", amount=8, phoneNumber="0712997778")
        assert started.status_code == 201
        command = f"set -a; . {running.place.settings}; set +a; {sys.executable} -m flask --app wsgi mpesa "
        listed = subprocess.run(
            ["/bin/sh", "-c", command + "payments list --order ORDER-3"],
            cwd=ROOT,
            env={},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert listed.returncode == 0, listed.stderr
        assert "254712***778" in listed.stdout
        assert f". {running.place.settings}; set +a" in running.printed()

    def test_leaves_private_files(self, running: Running):
        place = running.place
        for path in (place.secrets, place.settings, place.record, running.ready_file):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert set(running.ready) == {"url", "simulatorUrl", "userToken", "adminToken", "pid"}
        assert running.ready["pid"] == running.process.pid

    @pytest.mark.parametrize("taken", ["PORT", "SIMULATOR_PORT"])
    def test_a_taken_port_is_one_line(self, running: Running, place: Place, taken: str, tmp_path: Path):
        port = running.place.port if taken == "PORT" else running.place.simulator_port
        process = launch(place, tmp_path / "said", "run", **{taken: str(port)})
        assert process.wait(PATIENCE) == 1
        (line,) = (tmp_path / "said").read_text().splitlines()
        assert f"Port {port} is taken" in line
        assert f"Set {taken} " in line
        assert not place.directory.exists()

    def test_the_demo_uses_the_pair(self, running: Running, tmp_path: Path):
        process = launch(running.place, tmp_path / "said", "demo")
        assert process.wait(PATIENCE) == 0
        said = (tmp_path / "said").read_text()
        assert f"Using the pair that runs: {running.ready['url']}" in said
        assert "Both agree, shilling for shilling" in said
        assert "\x1b" not in said
        (endpoint,) = running.call("GET", "webhooks", "adminToken").json()["data"]
        assert not endpoint["enabled"], "the order service is gone"

    @pytest.mark.usefixtures("plain_environment")
    def test_the_demo_fails_when_a_step_does(self, running: Running, capsys):
        running.simulator("script", **{"for": "stk_push", "fault": "callback_lost", "outcome": "hold"})
        assert main(arguments("demo", running.place)) == 1
        assert capsys.readouterr().err == "This step failed: M-Pesa sent no callback.\n"
        running.simulator("reset", auto="hold")

    def test_ctrl_c_stops_all(self, running: Running):
        family = descendants(running.process.pid)
        assert len(family) >= 4  # watchdog, simulator, gunicorn and its worker
        assert running.end(signal.SIGINT) == 0
        assert not any(map(alive, family))
        assert "Traceback" not in running.printed()
        assert running.printed().endswith("Stopped.\n")
        require_free(running.place.port, "PORT")
        require_free(running.place.simulator_port, "SIMULATOR_PORT")
        assert not running.place.record.exists()
        assert not running.ready_file.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_during_the_start_is_clean(place: Place, tmp_path: Path, number: int):
    process = launch(place, tmp_path / "said", "run")
    eventually(lambda: pid_of(process.pid, "daraja_simulator"), "a child")
    family = descendants(process.pid)
    process.send_signal(number)
    assert process.wait(PATIENCE) == 0
    assert "Traceback" not in (tmp_path / "said").read_text()
    assert not any(map(alive, family))


def test_a_killed_parent_leaves_no_child(tmp_path: Path):
    running = start_run(tmp_path, "--quiet")
    family = descendants(running.process.pid)
    assert any("gunicorn" in command_line(pid) for pid in family)
    running.end(signal.SIGKILL)
    eventually(lambda: not any(map(alive, family)), "the end of the children")
    assert running.printed() == ""


@pytest.mark.usefixtures("plain_environment")
def test_a_childs_death_ends_the_other(place: Place, tmp_path: Path, capsys):
    me = os.getpid()

    def strike() -> None:
        eventually(place.record.exists, "ready")
        child = pid_of(me, f"--port {place.simulator_port}")
        assert child is not None
        os.kill(child, signal.SIGKILL)

    striker = threading.Thread(target=strike)
    striker.start()
    code = main([*arguments("run", place), "--ready-file", str(tmp_path / "ready.json")])
    striker.join()
    said = capsys.readouterr()
    assert code == 1
    assert "The simulator ended by itself (killed by SIGKILL); the last lines of" in said.err
    assert f"| {place.simulator_url}" not in said.err
    assert "phone page" in said.err  # of the simulator's log
    assert "USER_TOKEN=" in said.out
    require_free(place.port, "PORT")
    assert not place.record.exists()


@pytest.mark.usefixtures("plain_environment")
def test_the_demo_starts_a_pair_of_its_own(place: Place, capsys):
    assert main(arguments("demo", place)) == 0
    said = capsys.readouterr().out
    receipts = {line.split()[1] for line in said.splitlines() if line.split()[:1] == ["receipt"]}
    assert len(receipts) == 3
    assert "partially_refunded" in said
    assert "status       fulfilled" in said
    assert "5: succeeded, refund, partially refunded, refund, refunded" in said
    assert "Only 600 shillings of this payment can still be refunded." in said
    assert "Both agree, shilling for shilling" in said
    assert not place.directory.exists()


@pytest.mark.usefixtures("plain_environment")
def test_the_demo_with_lost_and_doubled_callbacks(place: Place, capsys):
    """A lost callback is made up for by asking Daraja, about half a minute after the push."""
    many = ("--lost=20", "--doubled=30", "--payments=20", "--seed=7")
    assert main([*arguments("demo", place), *many]) == 0
    said = capsys.readouterr().out
    assert "callbacks    4 are lost, 6 come twice" in said
    assert "SEED=7 plays the same again" in said
    assert said.count("20/20") == 2
    assert "settled      16 by callback, 4 by query" in said
    assert "announced    20 events for 20 payments" in said
    assert "All three agree, and each payment was announced once." in said


def test_ctrl_c_in_the_midst_of_trouble_leaves_nothing(place: Place, tmp_path: Path):
    process = launch(place, tmp_path / "said", "demo", LOST="100", PAYMENTS="5")
    eventually(lambda: pid_of(process.pid, "order_service.py"), "the order service")
    eventually(lambda: "customers pay" in (tmp_path / "said").read_text(), "the second act")
    family = descendants(process.pid)
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 130
    said = (tmp_path / "said").read_text()
    assert said.endswith("Stopped before the end.\n")
    assert "Traceback" not in said
    assert not any(map(alive, family))


@pytest.mark.usefixtures("plain_environment")
def test_more_trouble_than_callbacks(place: Place, capsys):
    assert main([*arguments("demo", place), "--lost=60", "--doubled=41"]) == 1
    assert "100 together at most" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option", ["--lost=101", "--doubled=-1", "--lost=ten", "--payments=0", "--payments=201", "--seed=x"]
)
def test_trouble_is_in_whole_numbers(place: Place, option: str, capsys):
    with pytest.raises(SystemExit):
        main([*arguments("demo", place), option])
    assert option.partition("=")[0] in capsys.readouterr().err


@pytest.mark.usefixtures("plain_environment")
def test_a_migration_that_fails_is_told(place: Place, capsys, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{place.directory}/nowhere/local.db")
    monkeypatch.setenv("MPESA_ENVIRONMENT", "sandbox")
    assert main(arguments("run", place)) == 1
    said = capsys.readouterr()
    assert said.err.startswith("alembic upgrade head failed (exit code 1):")
    assert "unable to open database file" in said.err
    assert "MPESA_ENVIRONMENT=sandbox and its credentials are ignored" in said.out


def test_both_ports_the_same(place: Place, capsys):
    assert main(["run", f"--port={place.port}", f"--simulator-port={place.port}"]) == 1
    assert "they must differ" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["0", "65536", "http", "", "-1", "\u0665"])
def test_a_port_is_a_number(text: str, capsys):
    with pytest.raises(SystemExit):
        main(["run", f"--port={text}"])
    assert "whole number from 1 to 65535" in capsys.readouterr().err


def test_a_directory_that_cannot_be_made(place: Place, capsys):
    place.directory.write_text("a file")
    assert main(arguments("run", place)) == 1
    assert "cannot be made" in capsys.readouterr().err


def test_the_package_without_its_checkout(place: Place, capsys, monkeypatch, tmp_path: Path):
    monkeypatch.setattr("devtools.startup.ROOT", tmp_path)
    assert main(arguments("run", place)) == 1
    assert "wsgi.py, gunicorn.conf.py, alembic.ini is not there" in capsys.readouterr().err


def test_output_that_nobody_reads_is_no_traceback(place: Place):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "devtools", *arguments("run", place)]
    done = subprocess.run(
        command, cwd=ROOT, env=clean_environment(), stdout=writing, stderr=subprocess.PIPE, timeout=PATIENCE
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.usefixtures("plain_environment")
def test_a_demo_that_is_stopped_says_so(place: Place, capsys):
    me = os.getpid()

    def stop() -> None:
        eventually(lambda: pid_of(me, "daraja_simulator"), "a child")
        os.kill(me, signal.SIGINT)

    stopper = threading.Thread(target=stop)
    stopper.start()
    assert main(arguments("demo", place)) == 130
    stopper.join()
    assert "Stopped before the end." in capsys.readouterr().out

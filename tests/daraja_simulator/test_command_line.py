"""The command line."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests

from daraja_simulator.command_line import main

COMMAND = [sys.executable, "-m", "daraja_simulator"]


def test_help_lists_outcomes_and_faults(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    for text in ("--port", "991032", "Request cancelled by user", "callback_lost", "utility_balance"):
        assert text in shown
    assert "operations: oauth, stk_push, stk_query, b2c, " in shown
    assert max(len(line) for line in shown.splitlines()) <= 120


@pytest.mark.parametrize(
    "arguments",
    [
        ["--fault", "nonsense=1"],
        ["--fault", "slow"],
        ["--fault", "slow=2"],
        ["--pay-after", "soon"],
        ["--set", "nonsense=1"],
        ["--set", "nonsense"],
        ["--port", "70000"],
        ["--port", "x"],
        ["--key-file", "/nowhere/at/all.pem"],
    ],
)
def test_invalid_options_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_a_port_in_use_prints_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert main(["--port", str(port)]) == 1
    shown = capsys.readouterr()
    assert shown.err == (
        f"Cannot listen on 127.0.0.1:{port}: the port is in use; choose another with --port\n"
    )


def test_an_address_of_another_machine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--host", "192.0.2.1", "--port", "0"]) == 1
    assert capsys.readouterr().err.startswith("Cannot listen on 192.0.2.1:0: ")


def test_it_serves_until_a_signal_stops_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    # The output cannot be read while capsys captures it, so the test chooses the port.
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    seen: list[dict[str, object]] = []

    def visitor() -> None:
        for _ in range(400):
            try:
                seen.append(requests.get(f"{url}/simulator/options", timeout=5).json())
                break
            except requests.ConnectionError:
                threading.Event().wait(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    helper = threading.Thread(target=visitor)
    helper.start()
    given = ["--port", str(port), "--seed", "3", "--fault", "slow=0.5", "--strict-customers"]
    given += ["--set", "c2b_till_type=Customer Merchant Payment", "--set", "c2b_validation=on"]
    given += ["--set", "auto=hold", "--query-limit", "on", "--key-file", str(tmp_path / "key.pem")]
    assert main(given) == 0
    helper.join()
    assert seen[0]["seed"] == 3
    assert seen[0]["faults"] == {"slow": 0.5}
    assert (seen[0]["strict_customers"], seen[0]["query_limit"]) == (True, True)
    assert seen[0]["auto"] == "hold"
    assert (seen[0]["c2b_till_type"], seen[0]["c2b_validation"]) == ("Customer Merchant Payment", True)
    lines = capsys.readouterr().out.splitlines()
    assert f"Daraja simulator on {url}" in lines[0]
    assert lines[-1].endswith("Stopped.")
    assert (tmp_path / "key.pem").stat().st_mode & 0o077 == 0


def test_as_a_process_and_control_c() -> None:
    with subprocess.Popen([*COMMAND, "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None
        assert requests.get(f"{found[0]}/simulator/health", timeout=10).json()["status"] == "ok"
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(20) == 0
    assert rest.splitlines()[-1].endswith("Stopped.")

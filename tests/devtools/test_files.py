"""The files of a local run: secrets, settings, the record of a running stack, logs."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from devtools.environment import ignored_environment, service_environment, write_settings
from devtools.log_tail import Tail, last_lines
from devtools.paths import LocalPaths, shown_path
from devtools.programs import every_line, only_warnings, process_table, token
from devtools.running_stack import RunningStack, remove_own_record
from devtools.secrets_file import load_or_create, read
from mpesa_service.config import load_settings


@pytest.fixture
def here(tmp_path: Path) -> LocalPaths:
    return LocalPaths(tmp_path, 5105, 5106)


class TestSecrets:
    def test_are_drawn_once_and_kept_private(self, tmp_path: Path):
        path = tmp_path / "local.env"
        drawn = load_or_create(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert load_or_create(path) == drawn == read(path)
        assert load_or_create(tmp_path / "other.env") != drawn

    def test_a_file_that_others_could_read_is_closed(self, tmp_path: Path):
        path = tmp_path / "local.env"
        load_or_create(path)
        path.chmod(0o644)
        load_or_create(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_missing_secrets_are_added(self, tmp_path: Path):
        path = tmp_path / "local.env"
        path.write_text("# mine\n\nLOG_LEVEL = DEBUG\nJWT_SECRET_KEY=kept=\nPHONE_HASH_KEY=\nnonsense\n")
        values = load_or_create(path)
        assert (values["JWT_SECRET_KEY"], values["LOG_LEVEL"]) == ("kept=", "DEBUG")
        assert len(values["PHONE_HASH_KEY"]) == 64


class TestEnvironment:
    def test_the_service_accepts_it(self, here: LocalPaths):
        here.certificate.write_text("")
        settings = load_settings(service_environment(here, {}))
        assert settings.daraja_base_url == "http://127.0.0.1:5106"
        assert settings.callback_url == "http://127.0.0.1:5105/api/mpesa/callback"
        assert settings.database_url == f"sqlite:///{here.directory}/local.db"

    def test_the_callers_variables_override(self, here: LocalPaths):
        given = {"JWT_SECRET_KEY": "mine", "DATABASE_URL": "postgresql://x", "PHONE_HASH_KEY": " "}
        environment = service_environment(here, given)
        assert environment["JWT_SECRET_KEY"] == "mine"
        assert environment["DATABASE_URL"] == "postgresql://x"
        assert environment["PHONE_HASH_KEY"] == read(here.secrets)["PHONE_HASH_KEY"]

    def test_a_shell_reads_it_unchanged(self, here: LocalPaths):
        here.certificate.write_text("")
        given = {"LOG_LEVEL": "ERROR", "PATH": "/bin", "JWT_ISSUER": "it's $me"}
        environment = service_environment(here, given)
        write_settings(here, environment)
        assert stat.S_IMODE(here.settings.stat().st_mode) == 0o600
        script = "import os, json; print(json.dumps(dict(os.environ)))"
        words = ["/bin/sh", "-c", f"set -a; . {here.settings}; exec {sys.executable} -c '{script}'"]
        shell = subprocess.run(words, env={}, capture_output=True, text=True, check=True)
        found = json.loads(shell.stdout)
        assert load_settings(found) == load_settings(environment)
        assert found["JWT_ISSUER"] == "it's $me"
        assert "\nPATH=" not in here.settings.read_text()

    def test_settings_of_another_daraja_are_ignored(self, here: LocalPaths):
        given = {
            "MPESA_ENVIRONMENT": "production",
            "MPESA_BASE_URL": "https://api.safaricom.co.ke",
            "MPESA_PASSKEY": "real",
            "MPESA_SECURITY_CREDENTIAL": "real",
            "BIND": "0.0.0.0:80",
        }
        environment = service_environment(here, given)
        assert "real" not in environment.values()
        assert environment["MPESA_ENVIRONMENT"] == "simulator"
        assert environment["BIND"] == "127.0.0.1:5105"
        assert "production" in (ignored_environment(given) or "")

    @pytest.mark.parametrize("given", [{}, {"MPESA_ENVIRONMENT": ""}, {"MPESA_ENVIRONMENT": "simulator"}])
    def test_no_warning(self, given: dict[str, str]):
        assert ignored_environment(given) is None


class TestRecord:
    def test_is_saved_and_loaded(self, here: LocalPaths):
        stack = RunningStack("http://a", "http://b", "user", "admin", os.getpid())
        stack.save(here.record)
        assert stat.S_IMODE(here.record.stat().st_mode) == 0o600
        assert RunningStack.load(here.record) == stack
        remove_own_record(here.record)
        assert not here.record.exists()

    def test_of_another_process_is_kept(self, here: LocalPaths):
        RunningStack("http://a", "http://b", "user", "admin", 1).save(here.record)
        remove_own_record(here.record)
        assert here.record.exists()

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"url": 1}'])
    def test_an_unusable_file_is_no_record(self, here: LocalPaths, text: str):
        here.record.write_text(text)
        assert RunningStack.load(here.record) is None
        remove_own_record(here.record)

    def test_paths_inside_the_current_directory_are_relative(self, tmp_path: Path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert shown_path(tmp_path / "var" / "service.log") == "var/service.log"
        assert shown_path(Path("/elsewhere/x")) == "/elsewhere/x"


class TestLogs:
    def test_the_last_lines(self, tmp_path: Path):
        log = tmp_path / "log"
        assert last_lines(log) == []
        log.write_bytes(b"".join(b"line %d\n" % number for number in range(5000)) + b"\xff")
        assert last_lines(log, 3) == ["line 4998", "line 4999", "\ufffd"]

    def test_a_tail_yields_complete_new_lines(self, tmp_path: Path):
        log = tmp_path / "log"
        assert list(Tail(log).new_lines()) == []
        log.write_text("old\n")
        tail = Tail(log)
        with log.open("a") as file:
            file.write("one\ntw")
        assert list(tail.new_lines()) == ["one"]
        with log.open("a") as file:
            file.write("o\n")
        assert list(tail.new_lines()) == ["two"]
        assert list(tail.new_lines()) == []

    def test_only_warnings_of_the_service_are_shown(self):
        assert every_line("as it is") == "as it is"
        assert only_warnings(json.dumps({"level": "INFO", "message": "fine"})) is None
        assert only_warnings("[1]") is None
        assert only_warnings(json.dumps({"level": "ERROR", "message": "bad"})) == "ERROR bad"
        assert only_warnings("Segmentation fault") == "Segmentation fault"


def test_the_simulator_is_the_first_program(here: LocalPaths):
    names = [program.name for program in process_table(here)]
    assert names == ["simulator", "service", "worker"]
    assert len({program.log for program in process_table(here)}) == len(names)


def test_the_command_for_a_token():
    assert token("boss", "admin", hours=2)[-6:] == ("--sub", "boss", "--hours", "2", "--role", "admin")

"""`run`: runs simulator, service and worker until a person stops them or one of them exits."""

import os
from contextlib import ExitStack
from pathlib import Path

from devtools.directory_lock import locked
from devtools.environment import ignored_environment, service_environment, write_settings
from devtools.errors import Stopped
from devtools.guide import guide
from devtools.log_tail import Tail
from devtools.paths import LocalPaths, shown_path
from devtools.programs import Program, process_table
from devtools.running_stack import remove_own_record
from devtools.startup import prepare, start
from devtools.stop_request import StopRequest
from devtools.supervisor import Supervisor

_POLL_INTERVAL = 0.2


def run(paths: LocalPaths, *, ready_file: Path | None = None, quiet: bool = False) -> int:
    """Run until a signal arrives and return 0. Raises DevtoolsError if a program cannot start or exits."""
    with StopRequest() as stop:
        try:
            _run(paths, stop, ready_file, quiet=quiet)
        except Stopped:
            if not quiet:
                print("\nStopped.", flush=True)
    return 0


def _run(paths: LocalPaths, stop: StopRequest, ready_file: Path | None, *, quiet: bool) -> None:
    prepare(paths)
    with ExitStack() as cleanup:
        cleanup.enter_context(locked(paths))
        programs = process_table(paths)
        environment = service_environment(paths, os.environ)
        write_settings(paths, environment)
        if not quiet:
            _print_start(paths)
        supervisor = cleanup.enter_context(Supervisor(stop, environment))
        stack = start(supervisor, paths, programs)
        for path in filter(None, (paths.record, ready_file)):
            cleanup.callback(remove_own_record, path)
            stack.save(path)
        tails = [] if quiet else [(program, Tail(program.log)) for program in programs]
        if not quiet:
            print(guide(paths, stack, shown_path(programs[1].log)), flush=True)
        _show_logs(supervisor, stop, tails)


def _print_start(paths: LocalPaths) -> None:
    warning = ignored_environment(os.environ)
    if warning is not None:
        print(warning)
    print(f"Starting the simulator on {paths.simulator_url} and the service on {paths.url} …", flush=True)


def _show_logs(supervisor: Supervisor, stop: StopRequest, tails: list[tuple[Program, Tail]]) -> None:
    """Print the programs' logs until a stop is requested or a program exits."""
    width = max((len(program.name) for program, _ in tails), default=0)
    while True:
        for program, tail in tails:
            for line in filter(None, map(program.shown, tail.new_lines())):
                print(f"{program.name:<{width}} | {line}", flush=True)
        supervisor.check()
        stop.pause(_POLL_INTERVAL)

"""`run`: keeps simulator and service going until somebody asks to stop, or one of them dies."""

import os
from contextlib import ExitStack
from pathlib import Path

from devtools.environment import ignored_environment, service_environment, write_settings
from devtools.guide import guide
from devtools.logtail import Tail
from devtools.occupancy import occupied
from devtools.place import Place, forget, shown_path
from devtools.problems import Stopped
from devtools.processes import Crew
from devtools.programs import Program, process_table
from devtools.startup import prepare, start
from devtools.stopping import StopRequest

_LOOK = 0.2


def run(place: Place, *, ready_file: Path | None = None, quiet: bool = False) -> int:
    """Run until a signal; return 0. Raises LocalProblem when a program cannot run or dies."""
    with StopRequest() as stop:
        try:
            _run(place, stop, ready_file, quiet=quiet)
        except Stopped:
            if not quiet:
                print("\nStopped.", flush=True)
    return 0


def _run(place: Place, stop: StopRequest, ready_file: Path | None, *, quiet: bool) -> None:
    prepare(place)
    with ExitStack() as cleanup:
        cleanup.enter_context(occupied(place))
        programs = process_table(place)
        environment = service_environment(place, os.environ)
        write_settings(place, environment)
        if not quiet:
            _announce(place)
        crew = cleanup.enter_context(Crew(stop, environment))
        ready = start(crew, place, programs)
        for path in filter(None, (place.record, ready_file)):
            cleanup.callback(forget, path)
            ready.save(path)
        tails = [] if quiet else [(program, Tail(program.log)) for program in programs]
        if not quiet:
            print(guide(place, ready, shown_path(programs[1].log)), flush=True)
        _keep_going(crew, stop, tails)


def _announce(place: Place) -> None:
    warning = ignored_environment(os.environ)
    if warning is not None:
        print(warning)
    print(f"Starting the simulator on {place.simulator_url} and the service on {place.url} …", flush=True)


def _keep_going(crew: Crew, stop: StopRequest, tails: list[tuple[Program, Tail]]) -> None:
    width = max((len(program.name) for program, _ in tails), default=0)
    while True:
        for program, tail in tails:
            for line in filter(None, map(program.shown, tail.new_lines())):
                print(f"{program.name:<{width}} | {line}", flush=True)
        crew.check()
        stop.pause(_LOOK)

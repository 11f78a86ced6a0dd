"""`demo`: finds or starts a pair, and has a payment's whole story told on it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from mpesa_service.local.client import Counterparts
from mpesa_service.local.environment import service_environment
from mpesa_service.local.narration import Narrator
from mpesa_service.local.place import Place, Ready
from mpesa_service.local.ports import free_port
from mpesa_service.local.problems import StepFailed, Stopped
from mpesa_service.local.processes import Crew
from mpesa_service.local.programs import process_table
from mpesa_service.local.startup import answers, prepare, start
from mpesa_service.local.stopping import StopRequest
from mpesa_service.local.story import Story


def demo(place: Place, narrator: Narrator | None = None) -> int:
    """Tell the story; return 0, or 128 and the signal's number. Raises LocalProblem when it goes wrong."""
    narrator = narrator or Narrator()
    with StopRequest() as stop:
        try:
            running = running_pair(place)
            if running is not None:
                narrator.say(f"Using the pair that runs: {running.url}, simulator {running.simulator_url}")
                _tell(running, narrator, stop)
                return 0
            with _own_pair(narrator, stop) as (ready, crew):
                _tell_or_blame(ready, narrator, stop, crew)
        except Stopped as stopped:
            narrator.say("\nStopped before the end.")
            return 128 + stopped.number
    return 0


def running_pair(place: Place) -> Ready | None:
    """Return the pair that `run` keeps going on this place's port, if it does."""
    ready = Ready.load(place.record)
    if ready is None or ready.url != place.url:
        return None
    alive = answers(f"{ready.url}/readyz") and answers(f"{ready.simulator_url}/simulator/health")
    return ready if alive else None


@contextmanager
def _own_pair(narrator: Narrator, stop: StopRequest) -> Iterator[tuple[Ready, Crew]]:
    with tempfile.TemporaryDirectory(prefix="mpesa-demo-") as directory:
        place = Place(Path(directory), free_port(), free_port())
        narrator.say(f"Starting a pair for this demo: {place.url}, simulator {place.simulator_url}")
        prepare(place)
        outside = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        with Crew(stop, service_environment(place, outside)) as crew:
            yield start(crew, place, process_table(place)), crew


def _tell_or_blame(ready: Ready, narrator: Narrator, stop: StopRequest, crew: Crew) -> None:
    try:
        _tell(ready, narrator, stop)
    except StepFailed:
        crew.check()  # a program that died is the better explanation
        raise


def _tell(ready: Ready, narrator: Narrator, stop: StopRequest) -> None:
    with closing(Counterparts(ready)) as counterparts:
        Story(counterparts, narrator, stop).tell()

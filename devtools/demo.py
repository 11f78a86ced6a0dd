"""`demo`: finds or starts a pair and an order service, and has a payment's whole story told on them."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from devtools.client import Counterparts
from devtools.environment import service_environment
from devtools.narration import Narrator
from devtools.place import Place, Ready
from devtools.ports import HOST, free_port
from devtools.problems import StepFailed, Stopped
from devtools.processes import Crew
from devtools.programs import order_service, process_table
from devtools.startup import answers, prepare, start
from devtools.stopping import StopRequest
from devtools.story import Story
from devtools.trouble import ManyPayments, Trouble

_HINT = "\nThe same with lost and doubled callbacks, in about a minute: make demo LOST=20 DOUBLED=30"


@dataclass(frozen=True, slots=True)
class _Stage:
    """A pair, a crew that takes more programs and a directory for them; where to speak, when to stop."""

    ready: Ready
    crew: Crew
    directory: Path
    narrator: Narrator
    stop: StopRequest


def demo(place: Place, trouble: Trouble | None = None, narrator: Narrator | None = None) -> int:
    """Tell the story; return 0, or 128 and the signal's number. Raises LocalProblem when it goes wrong.

    `trouble` adds a second act, always on a pair of its own.
    """
    narrator = narrator or Narrator()
    with StopRequest() as stop, tempfile.TemporaryDirectory(prefix="mpesa-demo-") as directory:
        try:
            running = None if trouble else running_pair(place)
            with _stage(running, Path(directory), narrator, stop) as stage:
                _tell_or_blame(stage, trouble)
        except Stopped as stopped:
            narrator.say("\nStopped before the end.")
            return 128 + stopped.number
    if trouble is None:
        narrator.say(_HINT, "dim")
    return 0


def running_pair(place: Place) -> Ready | None:
    """Return the pair that `run` keeps going on this place's port, if it does."""
    ready = Ready.load(place.record)
    if ready is None or ready.url != place.url:
        return None
    alive = answers(f"{ready.url}/readyz") and answers(f"{ready.simulator_url}/simulator/health")
    return ready if alive else None


@contextmanager
def _stage(running: Ready | None, directory: Path, narrator: Narrator, stop: StopRequest) -> Iterator[_Stage]:
    """Use the running pair, or one of our own."""
    if running is not None:
        narrator.say(f"Using the pair that runs: {running.url}, simulator {running.simulator_url}")
        with Crew(stop, os.environ) as crew:
            yield _Stage(running, crew, directory, narrator, stop)
        return
    place = Place(directory, free_port(), free_port())
    narrator.say(f"Starting a pair for this demo: {place.url}, simulator {place.simulator_url}")
    prepare(place)
    outside = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    unlimited = {"RATELIMIT_ENABLED": "false"}  # one caller plays all customers
    with Crew(stop, service_environment(place, outside | unlimited)) as crew:
        yield _Stage(start(crew, place, process_table(place)), crew, directory, narrator, stop)


def _tell_or_blame(stage: _Stage, trouble: Trouble | None) -> None:
    try:
        _tell(stage, trouble)
    except StepFailed:
        stage.crew.check()  # a program that died is the better explanation
        raise


def _tell(stage: _Stage, trouble: Trouble | None) -> None:
    port = free_port()
    with (
        closing(Counterparts(stage.ready, f"http://{HOST}:{port}")) as counterparts,
        _order_service(stage, counterparts, port),
    ):
        Story(counterparts, stage.narrator, stage.stop).tell()
        if trouble is not None:
            ManyPayments(counterparts, stage.narrator, stage.stop, trouble, stage.crew.check).tell()


@contextmanager
def _order_service(stage: _Stage, counterparts: Counterparts, port: int) -> Iterator[None]:
    """Have an order service told of everything while the block runs."""
    narrator = stage.narrator
    narrator.step("An order service wants to be told: POST /api/mpesa/webhooks")
    endpoint = counterparts.add_webhook(f"http://{HOST}:{port}/webhooks")
    try:
        narrator.fact("tells", endpoint["url"])
        narrator.fact("secret", f"{endpoint['secret'][:10]}… is shown this once")
        program = order_service(stage.directory, port, endpoint["secret"], os.environ)
        stage.crew.start(program)
        stage.crew.wait_until(lambda: answers(str(program.health)), program)
        narrator.fact("listens", "examples/order_service.py")
        yield
    finally:
        with suppress(StepFailed):
            counterparts.disable_webhook(endpoint["_id"])

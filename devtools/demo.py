"""`demo`: finds or starts a stack and an order service, and runs the scenarios on them."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from devtools.console_output import ConsoleOutput
from devtools.demo_client import DemoClient
from devtools.environment import service_environment
from devtools.errors import StepFailed, Stopped
from devtools.fault_scenario import FaultScenario, FaultSettings
from devtools.paths import LocalPaths
from devtools.payment_scenario import PaymentScenario
from devtools.ports import HOST, free_port
from devtools.programs import order_service, process_table
from devtools.running_stack import RunningStack
from devtools.startup import is_up, prepare, start
from devtools.stop_request import StopRequest
from devtools.supervisor import Supervisor

_HINT = "\nFor the same with lost and doubled callbacks (about a minute), run: make demo LOST=20 DOUBLED=30"


@dataclass(frozen=True, slots=True)
class DemoRun:
    """A running stack, a supervisor for more programs and a directory for their files."""

    stack: RunningStack
    supervisor: Supervisor
    directory: Path
    output: ConsoleOutput
    stop: StopRequest


def demo(paths: LocalPaths, faults: FaultSettings | None = None, output: ConsoleOutput | None = None) -> int:
    """Run the demo. Return 0, or 128 plus the number of the signal that stopped it. Raises DevtoolsError.

    With `faults`, a second scenario follows, and the demo always starts a stack of its own.
    """
    output = output or ConsoleOutput()
    with StopRequest() as stop, tempfile.TemporaryDirectory(prefix="mpesa-demo-") as directory:
        try:
            running = None if faults else running_stack(paths)
            with _demo_run(running, Path(directory), output, stop) as run:
                run_scenarios(run, faults)
        except Stopped as stopped:
            output.line("\nStopped before the end.")
            return 128 + stopped.number
    if faults is None:
        output.line(_HINT, "dim")
    return 0


def running_stack(paths: LocalPaths) -> RunningStack | None:
    """Return the stack that `run` runs on these ports, or None."""
    stack = RunningStack.load(paths.record)
    if stack is None or stack.url != paths.url:
        return None
    up = is_up(f"{stack.url}/readyz") and is_up(f"{stack.simulator_url}/simulator/health")
    return stack if up else None


@contextmanager
def _demo_run(
    running: RunningStack | None, directory: Path, output: ConsoleOutput, stop: StopRequest
) -> Iterator[DemoRun]:
    """Use the running stack, or start one."""
    if running is not None:
        output.line(f"Using the running service {running.url} and simulator {running.simulator_url}")
        with Supervisor(stop, os.environ) as supervisor:
            yield DemoRun(running, supervisor, directory, output, stop)
        return
    paths = LocalPaths(directory, free_port(), free_port())
    output.line(f"Starting a service for this demo on {paths.url}, with a simulator on {paths.simulator_url}")
    prepare(paths)
    inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    unlimited = {"RATELIMIT_ENABLED": "false"}  # one caller acts for all customers
    with Supervisor(stop, service_environment(paths, inherited | unlimited)) as supervisor:
        yield DemoRun(start(supervisor, paths, process_table(paths)), supervisor, directory, output, stop)


def run_scenarios(run: DemoRun, faults: FaultSettings | None) -> None:
    """Run the scenarios. Raises StepFailed, or ProcessExited if an exited program explains the failure."""
    try:
        _run_scenarios(run, faults)
    except StepFailed:
        run.supervisor.check()
        raise


def _run_scenarios(run: DemoRun, faults: FaultSettings | None) -> None:
    port = free_port()
    with (
        closing(DemoClient(run.stack, f"http://{HOST}:{port}")) as client,
        _order_service(run, client, port),
    ):
        PaymentScenario(client, run.output, run.stop).run()
        if faults is not None:
            FaultScenario(client, run.output, run.stop, faults, run.supervisor.check).run()


@contextmanager
def _order_service(run: DemoRun, client: DemoClient, port: int) -> Iterator[None]:
    """Run an order service that receives every event while the block runs."""
    output = run.output
    output.step("An order service registers for webhooks: POST /api/mpesa/webhooks")
    endpoint = client.add_webhook(f"http://{HOST}:{port}/webhooks")
    try:
        output.value("endpoint", endpoint["url"])
        output.value("secret", f"{endpoint['secret'][:10]}… (the API shows it only once)")
        program = order_service(run.directory, port, endpoint["secret"], os.environ)
        run.supervisor.start(program)
        run.supervisor.wait_until(lambda: is_up(str(program.health)), program)
        output.value("program", "examples/order_service.py")
        yield
    finally:
        with suppress(StepFailed):
            client.disable_webhook(endpoint["_id"])

"""One simulator whose time is driven by hand, one receiver of callbacks, one shop between them."""

from collections.abc import Iterator

import pytest

from daraja_simulator import SimulatorOptions, SimulatorServer

from .receiver import Receiver
from .shop import Shop


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def simulator() -> Iterator[SimulatorServer]:
    with SimulatorServer(SimulatorOptions(timers="manual", seed=1)) as simulator:
        yield simulator


@pytest.fixture
def shop(simulator: SimulatorServer, receiver: Receiver) -> Shop:
    return Shop(simulator, receiver)

"""Fixtures: a simulator with a manual clock, a receiver of callbacks, and a shop."""

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

"""A clock that stands still, a sleep that only takes notes, and a client that uses both."""

import random
from datetime import UTC, datetime, timedelta

import pytest
import requests_mock

from mpesa_service.daraja import DarajaClient, DarajaSettings

BASE = "https://daraja.test"
TOKEN_URL = f"{BASE}/oauth/v1/generate?grant_type=client_credentials"
PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"


class Clock:
    """Both clocks of the client, moved by hand and by sleeping."""

    def __init__(self) -> None:
        self.now = datetime(2021, 6, 28, 6, 24, 8, tzinfo=UTC)
        self.naps: list[float] = []

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.now.timestamp()

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.forward(seconds)

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def make_settings(**changes) -> DarajaSettings:
    values = {
        "base_url": BASE,
        "consumer_key": "the-key",
        "consumer_secret": "the-secret",
        "shortcode": "174379",
        "passkey": PASSKEY,
        "initiator_name": "testapi",
        "security_credential": "READYMADE==",
    }
    return DarajaSettings(**(values | changes))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def wire():
    """The mocked network, with an OAuth that numbers its tokens."""
    with requests_mock.Mocker() as mocker:
        count = iter(range(1, 100))
        mocker.get(
            TOKEN_URL,
            json=lambda request, context: {
                "access_token": f"token-{next(count)}",
                "expires_in": 3599,
            },
        )
        yield mocker


@pytest.fixture
def make_client(clock):
    def make(**changes) -> DarajaClient:
        return DarajaClient(
            make_settings(**changes),
            clock=clock,
            sleep=clock.sleep,
            rng=random.Random(7),
            monotonic=clock.monotonic,
        )

    return make


@pytest.fixture
def client(make_client):
    return make_client()

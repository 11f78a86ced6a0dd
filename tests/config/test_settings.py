"""What the settings derive from each other."""

import pytest

from mpesa_service.config import load_settings
from tests.config.environments import production
from tests.support import environment


@pytest.mark.parametrize(
    ("changes", "address"),
    [
        ({"MPESA_CALLBACK_URL": "https://pay.example.co.ke:8443/in/"}, "https://pay.example.co.ke:8443/c2b"),
        ({"MPESA_C2B_URL": "https://till.example.co.ke/money/"}, "https://till.example.co.ke/money"),
    ],
)
def test_c2b_addresses_are_on_the_callbacks_host_by_default(changes: dict[str, str], address: str) -> None:
    assert load_settings(production(**changes)).c2b_url == address


class TestWhereServeListens:
    @pytest.mark.parametrize(
        ("changes", "address"),
        [
            ({}, "127.0.0.1:5005"),
            ({"PORT": "8080"}, "127.0.0.1:8080"),
            ({"BIND": "0.0.0.0:80", "PORT": "8080"}, "0.0.0.0:80"),
        ],
        ids=str,
    )
    def test_address(self, changes: dict[str, str], address: str) -> None:
        assert load_settings(environment(**changes)).bind_address == address

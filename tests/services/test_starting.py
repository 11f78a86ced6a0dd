"""What a chain of writes can be made of."""

from typing import Any

import pytest

from mpesa_service.services.starting import _new_rows


def test_an_event_with_its_deliveries_is_no_link_of_a_chain() -> None:
    event: Any = object()
    with pytest.raises(TypeError):
        _new_rows([(event, {})])

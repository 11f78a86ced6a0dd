"""Moves that a verb makes while it holds the payment's lock."""

import pytest
from sqlalchemy.orm.exc import StaleDataError

from mpesa_service.domain.plans import Change
from mpesa_service.models.statements import lock_payment
from mpesa_service.payments import transitions
from tests.support import Service


def test_a_row_that_is_not_as_it_was_read_stops_the_move(service: Service) -> None:
    payment_id = service.row(service.pending()).id

    def change_an_old_version() -> None:
        with service.runtime.database.begin() as session:
            payment = lock_payment(session, payment_id)
            with transitions._changing(session, payment) as change:
                change.others.append(Change("payments", payment_id, 99, {"amount": 7}))

    with pytest.raises(StaleDataError):
        change_an_old_version()
    assert service.row(payment_id).amount == 100

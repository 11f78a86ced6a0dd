"""No bytes from outside raise another error than UnreadableCallback."""

import json
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpesa_service.daraja import (
    UnreadableCallback,
    parse_command_result,
    parse_status_result,
    parse_stk_callback,
)
from tests.daraja.bodies import JSON, PAID, PAYOUT, paths, replaced


@pytest.mark.parametrize(("parse", "sample"), [(parse_stk_callback, PAID), (parse_command_result, PAYOUT)])
@given(data=st.data())
def test_anything_anywhere(parse, sample, data):
    document = json.loads(sample)
    places = list(paths(document))
    place = data.draw(st.sampled_from(places))
    raw = json.dumps(replaced(document, place, data.draw(JSON))).encode()
    try:
        found = parse(raw)
    except UnreadableCallback:
        return
    assert found.amount is None or found.amount.is_finite()
    moment = found.paid_at if parse is parse_stk_callback else found.completed_at
    assert moment is None or moment.tzinfo is UTC
    assert found.receipt is None or 0 < len(found.receipt) <= 128
    repr(found)


@given(st.binary(max_size=300))
def test_any_bytes(raw):
    for parse in (parse_stk_callback, parse_command_result, parse_status_result):
        with pytest.raises(UnreadableCallback):
            parse(raw)


@given(st.integers(0, len(PAID)))
def test_cut_off_anywhere(length):
    if length < len(PAID):
        with pytest.raises(UnreadableCallback):
            parse_stk_callback(PAID[:length])

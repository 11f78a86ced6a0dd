"""What the client sends again, and what it never sends again."""

from datetime import UTC, datetime

import pytest
import requests

from mpesa_service.daraja import (
    InvalidToken,
    NotSent,
    OutcomeUnknown,
    Refused,
    StkPush,
    Throttled,
)
from tests.daraja.operations import (
    BAD_TOKENS,
    PUSH_URL,
    PUSHED,
    READS,
    error,
    every_mover,
    every_operation,
    sent_to,
)

from .conftest import TOKEN_URL
from .test_messages import PUSH

SPIKE = {
    "fault": {
        "faultstring": "Spike arrest violation.",
        "detail": {"errorcode": "policies.ratelimit.SpikeArrestViolation"},
    }
}
every_read = pytest.mark.parametrize(("method", "url", "good", "act"), READS)


@every_operation
@pytest.mark.parametrize(("status", "body"), BAD_TOKENS)
def test_a_refused_token_is_renewed_once(client, wire, method, url, good, act, status, body):
    wire.post(url, [{"status_code": status, "json": body}, {"json": good}])
    act(client)
    bearers = [request.headers["Authorization"] for request in sent_to(wire, url)]
    assert bearers == ["Bearer token-1", "Bearer token-2"]
    assert len(sent_to(wire, TOKEN_URL)) == 2


@every_operation
@pytest.mark.parametrize(("status", "body"), BAD_TOKENS)
def test_and_only_once(client, wire, clock, method, url, good, act, status, body):
    wire.post(url, status_code=status, json=body)
    with pytest.raises(InvalidToken) as caught:
        act(client)
    assert len(sent_to(wire, url)) == 2
    assert len(sent_to(wire, TOKEN_URL)) == 2
    assert clock.naps == []
    assert "token-1" not in repr(vars(caught.value)) + str(caught.value)


@every_operation
def test_a_missing_product_is_not_a_bad_token(client, wire, method, url, good, act):
    text = "Error Occurred - Invalid Access Token - Invalid API call as no apiproduct match found"
    wire.post(url, status_code=401, json=error("401.003.01", text))
    with pytest.raises(Refused) as caught:
        act(client)
    assert not isinstance(caught.value, InvalidToken)
    assert len(sent_to(wire, TOKEN_URL)) == 1


@every_operation
def test_a_spike_arrest_is_waited_out(client, wire, clock, method, url, good, act):
    wire.post(
        url,
        [
            {"status_code": 429, "json": SPIKE},
            {"status_code": 500, "json": error("500.003.02", "Spike Arrest Violation")},
            {"json": good},
        ],
    )
    act(client)
    assert len(sent_to(wire, url)) == 3
    assert len(clock.naps) == 2
    assert 0.5 <= clock.naps[0] <= 1.0 <= clock.naps[1] <= 2.0


@every_operation
def test_retries_are_limited(client, wire, clock, method, url, good, act):
    wire.post(url, status_code=429, json=SPIKE)
    with pytest.raises(Throttled):
        act(client)
    assert len(sent_to(wire, url)) == 3
    assert sum(clock.naps) <= 4.0


def test_the_provider_says_how_long(client, wire, clock):
    wire.post(
        PUSH_URL,
        [{"status_code": 429, "json": SPIKE, "headers": {"Retry-After": "2"}}, {"json": PUSHED}],
    )
    client.stk_push(StkPush(**PUSH))
    assert clock.naps == [2.0]


def test_the_provider_says_too_long(client, wire, clock):
    wire.post(PUSH_URL, status_code=429, json=SPIKE, headers={"Retry-After": "60"})
    with pytest.raises(Throttled) as caught:
        client.stk_push(StkPush(**PUSH))
    assert caught.value.retry_after == 60.0
    assert clock.naps == []


UNKNOWN = [
    pytest.param({"exc": requests.ReadTimeout}, id="read-time-out"),
    pytest.param({"exc": requests.ConnectionError}, id="reset"),
    pytest.param({"status_code": 500, "text": ""}, id="empty-500"),
    pytest.param({"status_code": 502, "text": "<html>"}, id="html-502"),
    pytest.param({"status_code": 403, "text": "<html>Incapsula"}, id="firewall"),
    pytest.param({"status_code": 200, "text": "<html>"}, id="html-200"),
    pytest.param({"status_code": 200, "text": ""}, id="empty-200"),
    pytest.param({"status_code": 500, "json": error("500.001.1001", "Internal Server Error")}, id="internal"),
    pytest.param(
        {"status_code": 500, "json": error("500.001.1001", "The transaction is being processed")},
        id="processed",
    ),
]


@every_mover
@pytest.mark.parametrize("answer", UNKNOWN)
def test_what_may_have_moved_money_is_never_repeated(client, wire, clock, method, url, good, act, answer):
    wire.post(url, [answer, {"json": good}])
    with pytest.raises(OutcomeUnknown):
        act(client)
    assert len(sent_to(wire, url)) == 1
    assert clock.naps == []


@every_mover
def test_nor_what_never_left(client, wire, clock, method, url, good, act):
    wire.post(url, exc=requests.ConnectTimeout)
    with pytest.raises(NotSent):
        act(client)
    assert len(sent_to(wire, url)) == 1


@every_read
@pytest.mark.parametrize("failure", [requests.ReadTimeout, requests.ConnectTimeout])
def test_a_read_is_repeated(client, wire, clock, method, url, good, act, failure):
    wire.post(url, [{"exc": failure}, {"status_code": 502}, {"json": good}])
    assert act(client).raw == good
    assert len(sent_to(wire, url)) == 3
    assert len(clock.naps) == 2


@every_read
def test_a_read_is_repeated_twice_at_most(client, wire, method, url, good, act):
    wire.post(url, exc=requests.ReadTimeout)
    with pytest.raises(OutcomeUnknown):
        act(client)
    assert len(sent_to(wire, url)) == 3


@every_read
def test_a_refused_read_is_not_repeated(client, wire, clock, method, url, good, act):
    wire.post(url, status_code=400, json=error("400.002.02", "Bad Request - Invalid TransactionID"))
    with pytest.raises(Refused):
        act(client)
    assert len(sent_to(wire, url)) == 1
    assert clock.naps == []


@every_read
def test_a_slow_read_is_not_repeated(client, wire, clock, method, url, good, act):
    def slow(request, context):
        clock.forward(10)
        context.status_code = 504
        return ""

    wire.post(url, text=slow)
    with pytest.raises(OutcomeUnknown):
        act(client)
    assert len(sent_to(wire, url)) == 1


def test_each_sending_has_a_timestamp_of_its_own(client, wire, clock):
    wire.post(PUSH_URL, [{"status_code": 429, "json": SPIKE}, {"json": PUSHED}])
    clock.now = datetime(2021, 6, 28, 6, 24, 8, 900000, tzinfo=UTC)
    client.stk_push(StkPush(**PUSH))
    stamps = [request.json()["Timestamp"] for request in sent_to(wire, PUSH_URL)]
    assert stamps == ["20210628092408", "20210628092409"]

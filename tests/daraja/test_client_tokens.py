"""Access tokens and the initiator's credential: kept, renewed and shared."""

import threading
from base64 import b64decode
from datetime import timedelta
from unittest import mock

import pytest
import requests

from mpesa_service.daraja import (
    B2cPayment,
    DarajaClient,
    InMemoryTokenStore,
    NotSent,
    StkPush,
    Token,
    TransactionStatusQuery,
)
from tests.daraja.operations import (
    ACCEPTED,
    B2C_URL,
    BAD_TOKENS,
    ID,
    OPERATIONS,
    PUSH_URL,
    PUSHED,
    QUERIED,
    QUERY_URL,
    QUEUED,
    STATUS_URL,
    error,
    sent_to,
)

from .conftest import TOKEN_URL, make_settings
from .test_messages import PAYMENT, PUSH, STATUS


def test_the_token_is_kept_and_renewed_in_time(client, wire, clock):
    wire.post(QUERY_URL, json=QUERIED)
    client.stk_query(ID)
    clock.forward(3599 - 61)
    client.stk_query(ID)
    assert len(sent_to(wire, TOKEN_URL)) == 1
    clock.forward(1)
    client.stk_query(ID)
    assert len(sent_to(wire, TOKEN_URL)) == 2


def test_the_life_of_a_token_is_counted_from_the_request(client, wire, clock):
    def slow(request, context):
        clock.forward(5)
        return {"access_token": "slow", "expires_in": "3599"}

    wire.get(TOKEN_URL, json=slow)
    wire.post(QUERY_URL, json=QUERIED)
    client.stk_query(ID)
    assert wire.last_request.headers["Authorization"] == "Bearer slow"
    clock.forward(3599 - 5 - 60)
    client.stk_query(ID)
    assert len(sent_to(wire, TOKEN_URL)) == 2


def test_a_shared_store_is_used(wire, clock):
    store = InMemoryTokenStore(clock)
    store.save(Token("shared", clock() + timedelta(hours=1)))
    client = DarajaClient(make_settings(), store, clock)
    wire.post(QUERY_URL, json=QUERIED)
    client.stk_query(ID)
    client.close()
    assert wire.last_request.headers["Authorization"] == "Bearer shared"
    assert len(wire.request_history) == 1


def test_closing_closes_the_session(clock):
    session = mock.Mock()
    DarajaClient(make_settings(), session=session).close()
    assert session.mock_calls == [mock.call.close()]


@pytest.mark.parametrize(
    "answer",
    [
        {"status_code": 400, "json": error("400.008.01", "Invalid Authentication passed")},
        {"status_code": 400, "text": ""},
        {"status_code": 403, "text": "<html>"},
        {"status_code": 200, "text": ""},
        {"exc": requests.ConnectTimeout},
        {"exc": requests.ReadTimeout},
        *(
            {"json": {"access_token": token, "expires_in": life}}
            for token, life in [
                (None, 3599),
                ("", 3599),
                ("a b", 3599),
                ("a\nb", 3599),
                ("x" * 2049, 3599),
                (5, 3599),
                ("t", None),
                ("t", 0),
                ("t", -1),
                ("t", "soon"),
                ("t", True),
                ("t", 86401),
                ("t", 3599.5),
            ]
        ),
    ],
)
def test_without_a_token_nothing_is_sent(client, wire, answer):
    wire.get(TOKEN_URL, [answer])
    wire.post(PUSH_URL, json=PUSHED)
    with pytest.raises(NotSent, match="oauth: no access token"):
        client.stk_push(StkPush(**PUSH))
    assert sent_to(wire, PUSH_URL) == []


@pytest.mark.parametrize("life", [1, "86400"])
def test_lives_at_the_limits(client, wire, life):
    wire.get(TOKEN_URL, json={"access_token": "x" * 2048, "expires_in": life})
    wire.post(PUSH_URL, json=PUSHED)
    client.stk_push(StkPush(**PUSH))
    assert wire.last_request.headers["Authorization"] == f"Bearer {'x' * 2048}"


def test_the_token_request_is_a_read(client, wire, clock):
    good = {"access_token": "t", "expires_in": 3599}
    wire.get(TOKEN_URL, [{"exc": requests.ConnectionError}, {"status_code": 503}, {"json": good}])
    wire.post(PUSH_URL, json=PUSHED)
    client.stk_push(StkPush(**PUSH))
    assert len(clock.naps) == 2


def test_a_renewal_that_fails_leaves_a_refused_push_unsent(client, wire):
    wire.post(PUSH_URL, status_code=404, json=BAD_TOKENS[0][1])
    good = {"access_token": "t", "expires_in": 3599}
    wire.get(TOKEN_URL, [{"json": good}, {"status_code": 400}])
    with pytest.raises(NotSent):
        client.stk_push(StkPush(**PUSH))


def test_threads_share_one_token(wire):
    client = DarajaClient(make_settings())
    wire.post(QUERY_URL, json=QUERIED)
    found = []
    threads = [threading.Thread(target=lambda: found.append(client.stk_query(ID))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(sent_to(wire, TOKEN_URL)) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"initiator_name": None}, "initiator_name"),
        ({"security_credential": None}, "neither it nor"),
        ({"security_credential": None, "initiator_password": "x"}, "neither it nor"),
        ({"security_credential": None, "certificate_path": "x"}, "neither it nor"),
        (
            {
                "security_credential": None,
                "initiator_password": "hunter2!",
                "certificate_path": "/nonexistent.cer",
            },
            "No such file",
        ),
    ],
)
@pytest.mark.parametrize(
    ("act", "operation"),
    [
        (OPERATIONS[2].values[3], "b2c_payment"),
        (OPERATIONS[4].values[3], "transaction_status"),
        (OPERATIONS[5].values[3], "reverse"),
        (OPERATIONS[6].values[3], "account_balance"),
        (OPERATIONS[7].values[3], "b2pochi_payment"),
        (OPERATIONS[8].values[3], "b2b_payment"),
    ],
)
def test_without_credentials_no_command_leaves(make_client, wire, act, operation, changes, reason):
    with pytest.raises(NotSent, match=reason) as caught:
        act(make_client(**changes))
    assert caught.value.operation == operation
    assert "hunter2!" not in str(caught.value)
    assert wire.request_history == []


def test_the_credential_is_computed_once(make_client, wire, tmp_path):
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.serialization import Encoding

    from .test_credentials import certificate

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path = tmp_path / "safaricom.cer"
    path.write_bytes(certificate(key, Encoding.PEM))
    client = make_client(security_credential=None, initiator_password="hunter2!", certificate_path=str(path))
    wire.post(B2C_URL, json=QUEUED)
    client.b2c_payment(B2cPayment(**PAYMENT))
    path.unlink()
    wire.post(STATUS_URL, json=ACCEPTED)
    client.transaction_status(TransactionStatusQuery(**STATUS))
    first = sent_to(wire, B2C_URL)[0].json()["SecurityCredential"]
    assert first == sent_to(wire, STATUS_URL)[0].json()["SecurityCredential"]
    assert key.decrypt(b64decode(first), PKCS1v15()) == b"hunter2!"

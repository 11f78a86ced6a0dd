"""Key pairs, log lines, ids, and the server."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from daraja_simulator import (
    SimulatorServer,
    SimulatorState,
    c2b,
    commands,
    create_simulator,
    ids,
    payouts,
    prompts,
)
from daraja_simulator.identity import identity_from_file
from daraja_simulator.ledger import Cause
from daraja_simulator.options import SimulatorOptions
from daraja_simulator.wire import subscriber

from .receiver import Receiver
from .shop import PHONE, Shop, encrypted


def test_the_key_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    first, second = identity_from_file(path), identity_from_file(path)
    assert first.certificate_pem == second.certificate_pem
    assert second.decrypt(encrypted("Secret#1", first.certificate_pem)) == "Secret#1"


def test_a_file_with_another_key(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(
        ed25519.Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    with pytest.raises(ValueError, match="no RSA key"):
        identity_from_file(path)


def test_log_lines_hide_numbers_and_tokens(receiver: Receiver) -> None:
    lines: list[str] = []
    state = SimulatorState(SimulatorOptions(timers="manual"), log=lines.append)
    with SimulatorServer(state=state) as simulator:
        shop = Shop(simulator, receiver)
        shop.script(callback="lost")
        shop.prompt(shop.pushed(), "outcome")
        shop.script(fault="answer_lost")
        with pytest.raises(requests.ConnectionError):
            shop.push()
        shop.register()
        shop.pay_by_c2b()
        shop.reversal(TransactionID=shop.paid(phone="254712345670"))
        shop.b2b(Requester=PHONE)
        shop.b2c()
        shop.b2c(OriginatorConversationID="two", ResultURL="http://127.0.0.1:1/secret")
        shop.advance(3)
        headers = {"Authorization": "Bearer stale-token"}
        shop.call("POST", "/mpesa/b2c/v3/paymentrequest", json={}, headers=headers)
    text = "\n".join(lines)
    assert "254712***678" in text
    assert "receipt" in text
    for secret in ("712345678", shop.token, "stale-token", "secret"):
        assert secret not in text


@pytest.mark.parametrize(
    ("moment", "prefix"),
    [
        (datetime(2019, 12, 19, 7, 21, tzinfo=UTC), "NLJ"),
        (datetime(2023, 11, 21, 9, 0, tzinfo=UTC), "RKL"),
        (datetime(2024, 7, 6, 19, 48, tzinfo=UTC), "SG6"),
        (datetime(2026, 7, 31, 21, 0, tzinfo=UTC), "UH1"),
    ],
)
def test_receipts_start_with_their_date(moment: datetime, prefix: str) -> None:
    assert re.fullmatch(prefix + "[A-Z0-9]{7}", ids.receipt(moment))
    assert ids.placeholder_receipt(moment) == f"{prefix}0000000"


def test_receipts_do_not_repeat() -> None:
    state = SimulatorState()
    customer = state.add_customer(PHONE)
    drawn: Iterator[str] = iter(["A", "A", "A", "B"])
    with patch.object(ids, "receipt", lambda _at: next(drawn)):
        for expected in ("A", "B"):
            assert state.ledger.debit_customer(customer, 1, Cause("stk", state.now(), {})) == expected


@pytest.mark.parametrize(
    ("typed", "msisdn"),
    [
        ("0712345678", PHONE),
        ("+254 712-345 678", PHONE),
        ("712345678", PHONE),
        ("0110345678", "254110345678"),
        ("2540712345678", None),
        ("0212345678", None),
    ],
)
def test_typed_numbers(typed: str, msisdn: str | None) -> None:
    assert subscriber(typed) == msisdn


def test_the_app_without_a_server() -> None:
    app = create_simulator(SimulatorOptions(shortcode="600000"))
    client = app.test_client()
    assert client.get("/simulator/options").json["shortcode"] == "600000"
    state = app.extensions["simulator"]
    state.change_options({"faults": {"oauth.refused_before": 1}})
    with pytest.raises(ConnectionAbortedError):
        client.get("/oauth/v1/generate")
    state.stop()


def test_an_internal_error_has_darajas_format() -> None:
    state = SimulatorState(SimulatorOptions(timers="manual"))
    app = create_simulator(state=state)
    client = app.test_client()
    with patch.object(state.tokens, "issue", side_effect=RuntimeError):
        answer = client.get("/oauth/v1/generate?grant_type=client_credentials", auth=("key", "secret"))
    assert answer.status_code == 500
    assert answer.json["errorMessage"] == "Internal Server Error"
    state.stop()


def test_stopping_the_server_twice() -> None:
    server = SimulatorServer()
    assert server.get("/simulator/health")["status"] == "ok"
    with pytest.raises(requests.HTTPError):
        server.post("/simulator/nothing")
    server.stop()
    server.stop()


def test_jobs_from_before_a_reset_are_dropped(shop: Shop, receiver: Receiver) -> None:
    state = shop.simulator.state
    prompt = state.prompts[shop.pushed()]
    shop.b2c()
    payout = state.payouts["refund-1"]
    payment = c2b.start(state, c2b.C2bRequest(PHONE, 5, "174379", "INV-7", till=False))
    shop.simulator.post("/simulator/reset")
    assert prompts.end(state, prompt) == []
    assert prompts.pay_late(state, prompt) == []
    assert c2b.pay(state, payment) == []
    assert commands.complete(state, payouts.COMMAND_TYPE, payout) == []
    assert commands.time_out(state, payouts.COMMAND_TYPE, payout) == []
    assert not receiver.posts

"""The session, its limits and its log line; what the sockets do is in test_sockets."""

import json
import logging
import ssl
from unittest import mock

import pytest
import requests
from requests.exceptions import ChunkedEncodingError, ConnectTimeout, InvalidURL, ReadTimeout
from requests.exceptions import SSLError as RequestsSSLError
from urllib3.exceptions import MaxRetryError, NewConnectionError

from mpesa_service.daraja.errors import InvalidToken, NotSent, OutcomeUnknown, Throttled
from mpesa_service.daraja.transport import MAX_ANSWER_BYTES, Call, Transport, new_session

from .conftest import BASE

URL = f"{BASE}/x"


def push(**changes) -> Call:
    values = {
        "operation": "stk_push",
        "method": "POST",
        "path": "/x",
        "authorization": "Bearer s3cret",
        "body": {"Amount": 1},
    }
    return Call(**(values | changes))


@pytest.fixture
def transport(clock):
    return Transport(BASE + "/", monotonic=clock.monotonic)


def test_what_goes_out(transport, wire):
    wire.post(URL, json={"ResponseCode": "0"})
    answer = transport.call(push())
    assert (answer.status, answer.body) == (200, {"ResponseCode": "0"})
    sent = wire.last_request
    assert sent.headers["Authorization"] == "Bearer s3cret"
    assert sent.headers["Content-Type"] == "application/json"
    assert sent.headers["Accept-Encoding"] == "identity"
    assert json.loads(sent.text) == {"Amount": 1}
    assert sent.timeout == (3.0, 10.0)
    assert sent.stream is True


def test_a_get_has_no_body(transport, wire):
    wire.get(URL, json={})
    transport.call(push(method="GET", body=None))
    assert wire.last_request.body is None
    assert "Content-Type" not in wire.last_request.headers


def test_the_session_takes_nothing_from_the_environment(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:1")
    session = new_session()
    assert session.trust_env is False
    settings = session.merge_environment_settings(BASE, {}, None, None, None)
    assert settings["proxies"] == {}
    for scheme in ("http", "https"):
        retries = session.get_adapter(f"{scheme}://daraja.test").max_retries
        assert (retries.total, retries.read) == (0, False)


def test_cookies_are_not_kept(transport, wire):
    wire.post(URL, json={}, headers={"Set-Cookie": "visid_incap=1; path=/"})
    transport.call(push())
    transport.call(push())
    assert "Cookie" not in wire.last_request.headers


def test_redirects_are_not_followed(transport, wire):
    wire.post(URL, status_code=307, headers={"Location": f"{BASE}/y"})
    wire.post(f"{BASE}/y", json={})
    with pytest.raises(OutcomeUnknown):
        transport.call(push())
    assert len(wire.request_history) == 1


def refused_connection() -> requests.ConnectionError:
    return requests.ConnectionError(
        MaxRetryError(mock.Mock(), URL, NewConnectionError(mock.Mock(), "refused"))
    )


def tls_failure(inner: ssl.SSLError) -> RequestsSSLError:
    return RequestsSSLError(MaxRetryError(mock.Mock(), URL, inner))


def tls_alert(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, "failed")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("failure", "verdict"),
    [
        (ConnectTimeout(), NotSent),
        (refused_connection(), NotSent),
        (tls_failure(ssl.SSLCertVerificationError(1, "expired")), NotSent),
        (tls_failure(tls_alert("WRONG_VERSION_NUMBER")), NotSent),
        (InvalidURL("label too long"), NotSent),
        (tls_failure(tls_alert("DECRYPTION_FAILED_OR_BAD_RECORD_MAC")), OutcomeUnknown),
        (tls_failure(ssl.SSLEOFError(8, "EOF")), OutcomeUnknown),
        (ReadTimeout(), OutcomeUnknown),
        (requests.ConnectionError("reset"), OutcomeUnknown),
        (ChunkedEncodingError(), OutcomeUnknown),
        (ConnectionResetError(), OutcomeUnknown),
        (ValueError("odd header"), OutcomeUnknown),
    ],
)
def test_failures(transport, wire, failure, verdict):
    wire.post(URL, exc=failure)
    with pytest.raises(verdict) as caught:
        transport.call(push())
    assert type(caught.value) is verdict
    assert caught.value.operation == "stk_push"
    assert caught.value.__cause__ is failure
    assert type(failure).__name__ in str(caught.value)


def test_another_connections_failure_is_not_taken_for_ours(transport, wire):
    wire.post(URL, exc=lambda request, context: (_ for _ in ()).throw(ReadTimeout()))
    wire.post(URL, exc=ReadTimeout)
    try:
        raise refused_connection()
    except requests.ConnectionError:
        with pytest.raises(OutcomeUnknown):
            transport.call(push())


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>Incapsula</html>", b'{"ResponseCode": "0"', b"[]", b'"0"', b"null", b"\xff"],
)
def test_answers_that_are_no_object(transport, wire, content):
    wire.post(URL, content=content)
    with pytest.raises(OutcomeUnknown) as caught:
        transport.call(push())
    assert caught.value.http_status == 200


@pytest.mark.parametrize("size", [MAX_ANSWER_BYTES, MAX_ANSWER_BYTES + 1])
def test_the_size_of_an_answer_is_limited(transport, wire, size):
    wire.post(URL, content=b"{}" + b" " * (size - 2))
    if size == MAX_ANSWER_BYTES:
        assert transport.call(push()).body == {}
    else:
        with pytest.raises(OutcomeUnknown):
            transport.call(push())


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("3", 3.0),
        (" 0 ", 0.0),
        ("9999", 3600.0),
        ("99999", None),
        ("-1", None),
        ("1.5", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("\u00b2", None),
        ("", None),
    ],
)
def test_retry_after(transport, wire, header, seconds):
    wire.post(URL, status_code=429, headers={"Retry-After": header})
    with pytest.raises(Throttled) as caught:
        transport.call(push())
    assert caught.value.retry_after == seconds


def logged(caplog):
    (record,) = (r for r in caplog.records if r.name == "mpesa_service.daraja")
    names = ("operation", "http_status", "error_code", "duration_ms", "outcome")
    return record, tuple(getattr(record, name) for name in names)


def test_one_line_for_a_success(transport, wire, caplog, clock):
    def answer(request, context):
        clock.forward(0.25)
        return {"CheckoutRequestID": "ws_CO_230920262019337708374149"}

    wire.post(URL, json=answer)
    with caplog.at_level(logging.INFO, logger="mpesa_service.daraja"):
        transport.call(push(body={"PartyA": "254708374149"}))
    record, fields = logged(caplog)
    assert record.levelno == logging.INFO
    assert record.getMessage() == "Daraja stk_push: answered"
    assert fields == ("stk_push", 200, None, 250, "answered")
    assert not any(text in str(vars(record)) for text in ("708374149", "s3cret"))


def test_one_line_for_a_refusal(transport, wire, caplog):
    message = "Error Occurred - Invalid Access Token - s3cret"
    wire.post(URL, status_code=401, json={"errorCode": "401.002.01", "errorMessage": message})
    with pytest.raises(InvalidToken) as caught:
        transport.call(push())
    assert "s3cret" not in repr(vars(caught.value))
    record, fields = logged(caplog)
    assert record.levelno == logging.WARNING
    assert fields == ("stk_push", 401, "401.002.01", 0, "invalid_token")
    assert "s3cret" not in str(vars(record))


def test_one_line_for_silence(transport, wire, caplog):
    wire.post(URL, exc=ReadTimeout("secret 254708374149"))
    with pytest.raises(OutcomeUnknown) as caught:
        transport.call(push())
    assert "254708374149" not in str(caught.value)
    record, fields = logged(caplog)
    assert fields == ("stk_push", None, None, 0, "unknown")
    assert "254708374149" not in str(vars(record))


def test_connections_are_renewed_after_a_pause(wire, clock):
    wire.post(URL, json={})
    session = new_session()
    transport = Transport(BASE, session=session, monotonic=clock.monotonic)
    with mock.patch.object(session, "close") as close:
        for pause, closings in ((20.0, 0), (20.001, 1), (20.0, 1)):
            clock.forward(pause)
            transport.call(push())
            assert close.call_count == closings
        transport.close()
        assert close.call_count == 2


def test_a_call_shows_neither_token_nor_body():
    assert "s3cret" not in repr(push())
    assert "Amount" not in repr(push())

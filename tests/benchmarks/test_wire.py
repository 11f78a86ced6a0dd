"""HTTP of the load generator."""

import json

import pytest

from benchmarks.load import drive
from benchmarks.stub import _Handler, _Server
from benchmarks.wire import answer_length, request, status


def test_a_request_is_whole() -> None:
    raw = request("POST", "/x", {"a": 1}, {"X-Key": "k"})
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /x HTTP/1.1"
    assert {"Host: benchmark", "X-Key: k", "Content-Type: application/json", "Content-Length: 7"} <= set(
        lines
    )
    assert json.loads(body) == {"a": 1}


def test_a_request_without_a_body_has_no_length() -> None:
    assert request("GET", "/x").endswith(b"\r\n\r\n")
    assert b"Content-Length" not in request("GET", "/x")


@pytest.mark.parametrize(
    ("received", "length"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Le", None),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n", 40),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 40),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 27),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", None),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 59),
    ],
)
def test_the_length_of_a_response(received: bytes, length: int | None) -> None:
    assert answer_length(received) == length


def test_the_status_of_a_response() -> None:
    assert status(b"HTTP/1.1 503 Service Unavailable\r\n") == 503


def test_every_request_is_sent_once_and_answered() -> None:
    import threading

    with _Server(("127.0.0.1", 0), _Handler) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        serving.start()
        path = "/mpesa/stkpush/v1/processrequest"
        driven = drive(server.server_address[1], [request("POST", path, {"a": n}) for n in range(50)], 4)
        server.shutdown()
        serving.join()
    assert dict(driven.all_are(200).statuses) == {200: 50}
    assert len(driven.latencies) == 50
    with pytest.raises(RuntimeError, match="expected"):
        driven.all_are(201)

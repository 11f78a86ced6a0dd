"""The HTTP session: time-outs, size and time limits, and one log line per call.

The session follows no redirects, does not retry, uses no proxy or .netrc from the environment, and keeps no
cookies. The log line has the operation, status, error code, duration and outcome, but no part of the bodies.
"""

import json
import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from http.cookiejar import DefaultCookiePolicy
from typing import Literal

import requests
from requests import exceptions as failures
from requests.utils import check_header_validity
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from mpesa_service.daraja.deadline import CallDeadline, WatchedAdapter
from mpesa_service.daraja.errors import DarajaError, NotSent, OutcomeUnknown
from mpesa_service.daraja.values import load_json
from mpesa_service.daraja.verdicts import DarajaAnswer, judge_answer

logger = logging.getLogger("mpesa_service.daraja")

MAX_ANSWER_BYTES = 1_000_000
POOL_SIZE = 32
IDLE_SECONDS = 20.0
LONGEST_RETRY_AFTER = 3600

_NEVER_LEFT = (
    ConnectTimeoutError,
    NewConnectionError,
    ssl.SSLCertVerificationError,
    failures.ConnectTimeout,
    failures.InvalidHeader,
    failures.InvalidSchema,
    failures.InvalidURL,
    failures.MissingSchema,
)
# Failures of a handshake, before any request was sent. Other TLS errors may occur after it.
_HANDSHAKE_REASONS = frozenset(
    {
        "NO_PROTOCOLS_AVAILABLE",
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "UNSUPPORTED_PROTOCOL",
        "WRONG_VERSION_NUMBER",
    }
)


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request. `reads` marks those that cannot move money; `authorization` is hidden."""

    operation: str
    method: Literal["GET", "POST"]
    path: str
    authorization: str = field(repr=False)
    body: Mapping[str, object] | None = field(default=None, repr=False)
    reads: bool = False


def new_session() -> requests.Session:
    """Return a session that keeps only open connections between calls."""
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("https://", "http://"):
        session.mount(scheme, WatchedAdapter(pool_maxsize=POOL_SIZE, max_retries=0))
    return session


class Transport:
    """Sends calls to one host. Safe to share between threads. Time-outs are in seconds."""

    def __init__(
        self,
        base_url: str,
        *,
        connect_timeout: float = 3.0,
        read_timeout: float = 10.0,
        session: requests.Session | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeout = (connect_timeout, read_timeout)
        self._total = 2 * read_timeout
        self._session = session if session is not None else new_session()
        self._monotonic = monotonic
        self._prepared: dict[tuple[str, str], requests.PreparedRequest] = {}
        self._lock = threading.Lock()
        self._last_used = monotonic()

    def close(self) -> None:
        """Close the idle connections."""
        self._session.close()

    def call(self, call: Call) -> DarajaAnswer:
        """Send once, and return an answer whose body is a JSON object without an error.

        Raises NotSent, OutcomeUnknown or Refused.
        """
        started = self._monotonic()
        self._drop_idle(started)
        secret = call.authorization.rpartition(" ")[2]
        try:
            answer = self._exchange(call)
        except DarajaError as failure:
            self._log(call, started, None, failure)
            raise
        error = judge_answer(call.operation, answer, reads=call.reads, secret=secret)
        self._log(call, started, answer, error)
        if error is not None:
            raise error
        return answer

    def _drop_idle(self, now: float) -> None:
        """Open new connections after a pause.

        A firewall or proxy may have dropped an idle connection silently. A push that fails on it would
        count as perhaps sent.
        """
        with self._lock:
            if now - self._last_used > IDLE_SECONDS:
                self._session.close()
            self._last_used = now

    def _exchange(self, call: Call) -> DarajaAnswer:
        try:
            request = self._request(call)
            with (
                CallDeadline(self._total) as deadline,
                self._session.send(
                    request,
                    timeout=self._timeout,
                    allow_redirects=False,
                    stream=True,
                    proxies=self._session.proxies,
                ) as response,
            ):
                raw = _read(response)
                if deadline.expired:
                    raw = None
                return _answer(response, raw)
        except (OSError, HTTPError, HTTPException, ValueError) as error:
            name = type(error).__name__
            if _surely_not_sent(error):
                raise NotSent(f"no connection ({name})", operation=call.operation) from error
            raise OutcomeUnknown(f"no answer ({name})", operation=call.operation) from error

    def _request(self, call: Call) -> requests.PreparedRequest:
        """Return the request. All but its body and authorization is prepared once per path."""
        prepared = self._prepared.get((call.method, call.path))
        if prepared is None:
            url, accepted = self._base_url + call.path, {"Accept-Encoding": "identity"}
            prepared = self._session.prepare_request(requests.Request(call.method, url, headers=accepted))
            self._prepared[call.method, call.path] = prepared
        request, authorization = prepared.copy(), ("Authorization", call.authorization)
        check_header_validity(authorization)
        request.headers.update([authorization])
        if call.body is not None:
            request.body = json.dumps(call.body).encode()
            request.headers.update(
                {"Content-Type": "application/json", "Content-Length": str(len(request.body))}
            )
        return request

    def _log(
        self, call: Call, started: float, answer: DarajaAnswer | None, error: DarajaError | None
    ) -> None:
        outcome = error.outcome if error is not None else "answered"
        logger.log(
            logging.INFO if error is None else logging.WARNING,
            "Daraja %s: %s",
            call.operation,
            outcome,
            extra={
                "operation": call.operation,
                "http_status": answer.status if answer is not None else None,
                "error_code": error.error_code or None if error is not None else None,
                "duration_ms": round((self._monotonic() - started) * 1000),
                "outcome": outcome,
            },
        )


def _read(response: requests.Response) -> bytes | None:
    """Read the body; None when it is incomplete or too large."""
    body = bytearray()
    try:
        for chunk in response.iter_content(8192):
            body += chunk
            if len(body) > MAX_ANSWER_BYTES:
                return None
    except (OSError, HTTPError, HTTPException, ValueError):
        return None
    return bytes(body)


def _answer(response: requests.Response, raw: bytes | None) -> DarajaAnswer:
    body: object = None
    if raw is not None:
        try:
            body = load_json(raw)
        except ValueError:
            body = None
    wait = response.headers.get("Retry-After", "").strip()
    known = wait.isascii() and wait.isdigit() and len(wait) <= len(str(LONGEST_RETRY_AFTER))
    return DarajaAnswer(
        response.status_code,
        body if isinstance(body, dict) else None,
        float(min(int(wait), LONGEST_RETRY_AFTER)) if known else None,
    )


def _surely_not_sent(error: BaseException) -> bool:
    return any(
        isinstance(cause, _NEVER_LEFT)
        or (isinstance(cause, ssl.SSLError) and getattr(cause, "reason", None) in _HANDSHAKE_REASONS)
        for cause in _causes(error)
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and those wrapped in it, outermost first.

    This does not follow __context__, which also contains the error that the caller was handling. The
    failure of another connection would look like the failure of this one.
    """
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop()
        if isinstance(cause, BaseException):
            yield cause
            waiting += [*cause.args, getattr(cause, "reason", None), cause.__cause__]

"""The demo's two counterparts over HTTP: the service's REST API, and the simulator's control API."""

from typing import Any

import requests

from mpesa_service.local.place import Ready
from mpesa_service.local.problems import StepFailed
from mpesa_service.local.startup import local_session

Json = dict[str, Any]

_TIMEOUT = 15


class Counterparts:
    """Calls that must be answered with an expected status; anything else raises StepFailed."""

    def __init__(self, ready: Ready) -> None:
        self._ready = ready
        self._session = local_session()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def initiate(self, order: str, amount: int, phone: str) -> Json:
        """Start a payment; return what the service says about it."""
        body = {"orderId": order, "amount": amount, "phoneNumber": phone}
        return self._service("POST", "initiate", self._ready.user_token, 201, body, key=order)

    def payment(self, reference: str) -> Json:
        """Return the payment's record."""
        return self._service("GET", f"query/{reference}", self._ready.user_token, 200)

    def refund(self, reference: str, amount: int | None) -> Json:
        """Start a refund (None: of all that is left)."""
        body = {} if amount is None else {"amount": amount}
        return self._service("POST", f"{reference}/refund", self._ready.admin_token, 200, body)

    def refused_refund(self, reference: str, amount: int) -> Json:
        """Ask for a refund that must be refused; return the error."""
        return self._service("POST", f"{reference}/refund", self._ready.admin_token, 400, {"amount": amount})

    def simulator(self, method: str, path: str, body: Json | None = None) -> Json:
        """Call the simulator's control API."""
        return self._call(method, f"{self._ready.simulator_url}/simulator/{path}", 200, body, {})

    def _service(
        self,
        method: str,
        path: str,
        token: str,
        status: int,
        body: Json | None = None,
        key: str | None = None,
    ) -> Json:
        headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": key} if key else {})
        answer = self._call(method, f"{self._ready.url}/api/mpesa/{path}", status, body, headers)
        data: Json = answer.get("data", answer)
        return data

    def _call(self, method: str, url: str, status: int, body: Json | None, headers: dict[str, str]) -> Json:
        try:
            response = self._session.request(method, url, json=body, headers=headers, timeout=_TIMEOUT)
            answer: Json = response.json()
        except requests.RequestException as error:
            raise StepFailed(f"{method} {url} was not answered: {type(error).__name__}") from error
        if response.status_code != status:
            said = answer.get("message") or answer.get("error")
            raise StepFailed(f"{method} {url} answered {response.status_code}, not {status}: {said}")
        return answer

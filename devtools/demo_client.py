"""The demo's HTTP calls: the REST API, the simulator's control API and the order service."""

from typing import Any

import requests

from devtools.errors import StepFailed
from devtools.running_stack import RunningStack
from devtools.startup import local_session

Json = dict[str, Any]

_TIMEOUT = 15


class DemoClient:
    """Calls that expect one status. Any other response raises StepFailed."""

    def __init__(self, stack: RunningStack, order_service_url: str) -> None:
        self._stack = stack
        self._order_service_url = order_service_url
        self._session = local_session()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def initiate(self, order: str, amount: int, phone: str) -> Json:
        """Start a payment and return the API's data about it."""
        body = {"orderId": order, "amount": amount, "phoneNumber": phone}
        return self._service("POST", "initiate", self._stack.user_token, 201, body, key=order)

    def payment(self, reference: str) -> Json:
        """Return the payment's record."""
        return self._service("GET", f"query/{reference}", self._stack.user_token, 200)

    def payments_of(self, order: str) -> list[Json]:
        """Return the recorded payments of an order. This call does not query Daraja."""
        attempts: list[Json] = self._service("GET", f"order/{order}", self._stack.user_token, 200)["attempts"]
        return attempts

    def refund(self, reference: str, amount: int | None) -> Json:
        """Start a refund of `amount`, or of the whole rest if it is None."""
        body = {} if amount is None else {"amount": amount}
        return self._service("POST", f"{reference}/refund", self._stack.admin_token, 200, body)

    def refused_refund(self, reference: str, amount: int) -> Json:
        """Request a refund that the API must refuse, and return the error."""
        return self._service("POST", f"{reference}/refund", self._stack.admin_token, 400, {"amount": amount})

    def add_webhook(self, url: str) -> Json:
        """Register an address for every event and return the endpoint with its secret."""
        body = {"url": url, "description": "the demo's order service"}
        return self._service("POST", "webhooks", self._stack.admin_token, 201, body)

    def disable_webhook(self, endpoint: str) -> None:
        """Stop the deliveries to an endpoint."""
        self._service("DELETE", f"webhooks/{endpoint}", self._stack.admin_token, 200)

    def orders(self) -> dict[str, Json]:
        """Return the order service's orders by id."""
        known: list[Json] = self._call("GET", f"{self._order_service_url}/orders", 200, None, {})
        return {order["id"]: order for order in known}

    def simulator(self, method: str, path: str, body: Json | None = None) -> Json:
        """Call the simulator's control API."""
        answer: Json = self._call(method, f"{self._stack.simulator_url}/simulator/{path}", 200, body, {})
        return answer

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
        answer: Json = self._call(method, f"{self._stack.url}/api/mpesa/{path}", status, body, headers)
        data: Json = answer.get("data", answer)
        return data

    def _call(self, method: str, url: str, status: int, body: Json | None, headers: dict[str, str]) -> Any:
        try:
            response = self._session.request(method, url, json=body, headers=headers, timeout=_TIMEOUT)
            answer: Any = response.json()
        except requests.RequestException as error:
            raise StepFailed(f"{method} {url} gave no usable response: {type(error).__name__}") from error
        if response.status_code != status:
            message = answer.get("message") or answer.get("error")
            raise StepFailed(f"{method} {url} returned {response.status_code}, not {status}: {message}")
        return answer

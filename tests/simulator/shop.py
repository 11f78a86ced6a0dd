"""A shop for the tests: speaks Daraja's wire to the simulator, and hears its callbacks."""

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from mpesa_service.simulator import SimulatorServer

PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"
STAMP = "20210628092408"
PHONE = "254712345678"

CONFIRMATION = "/c2b/confirm"
VALIDATION = "/c2b/validate"

PUSH = "/mpesa/stkpush/v1/processrequest"
QUERY = "/mpesa/stkpushquery/v1/query"
B2C_V1 = "/mpesa/b2c/v1/paymentrequest"
B2C_V3 = "/mpesa/b2c/v3/paymentrequest"
REVERSAL = "/mpesa/reversal/v1/request"
STATUS = "/mpesa/transactionstatus/v1/query"
BALANCE = "/mpesa/accountbalance/v1/query"
REGISTER_V1 = "/mpesa/c2b/v1/registerurl"
REGISTER_V2 = "/mpesa/c2b/v2/registerurl"
SIMULATE = "/mpesa/c2b/v2/simulate"


def password(shortcode: str = "174379", passkey: str = PASSKEY, stamp: str = STAMP) -> str:
    return base64.b64encode(f"{shortcode}{passkey}{stamp}".encode()).decode()


def encrypted(secret: str, certificate_pem: str) -> str:
    key = x509.load_pem_x509_certificate(certificate_pem.encode()).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    return base64.b64encode(key.encrypt(secret.encode(), padding.PKCS1v15())).decode()


class Receiver:
    """A web server that keeps what is posted to it.

    `status` is what it answers; `answers` holds other bodies by path: they begin after `pause`
    seconds, and their bytes are `drops` seconds apart.
    """

    def __init__(self) -> None:
        self.posts: list[dict[str, Any]] = []
        self.status = 200
        self.answers: dict[str, bytes] = {}
        self.pause = self.drops = 0.0
        self._arrived = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.take(self)

            def log_message(self, *_args: object) -> None:
                return

        class Server(ThreadingHTTPServer):
            request_queue_size = 128

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        raw = handler.rfile.read(int(handler.headers["Content-Length"]))
        post = {"path": handler.path, "headers": dict(handler.headers), "body": json.loads(raw)}
        with self._arrived:
            self.posts.append(post)
            self._arrived.notify_all()
        answer = self.answers.get(handler.path, b'{"ResultCode": 0, "ResultDesc": "Accepted"}')
        if handler.path in self.answers:
            time.sleep(self.pause)
        handler.send_response(self.status)
        handler.send_header("Location", self.url + "/elsewhere")
        handler.send_header("Content-Length", str(len(answer)))
        handler.end_headers()
        if handler.path in self.answers and self.drops:
            for byte in answer:
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()
                time.sleep(self.drops)
        else:
            handler.wfile.write(answer)

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.posts) >= count, timeout=20)
            return list(self.posts)

    def stk(self) -> list[dict[str, Any]]:
        return [post["body"]["Body"]["stkCallback"] for post in self.posts if "Body" in post["body"]]

    def at(self, path: str) -> list[dict[str, Any]]:
        return [post["body"] for post in self.posts if post["path"] == path]

    def results(self) -> list[dict[str, Any]]:
        return [post["body"]["Result"] for post in self.posts if "Result" in post["body"]]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Shop:
    """Makes well-formed requests; keyword arguments replace fields, None leaves one out."""

    def __init__(self, simulator: SimulatorServer, receiver: Receiver) -> None:
        self.simulator = simulator
        self.receiver = receiver
        self._token: str | None = None
        self.certificate = simulator.world.identity.certificate_pem

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, self.simulator.url + path, timeout=30, **options)

    def oauth(self, key: str = "key", secret: str = "secret") -> requests.Response:
        path = "/oauth/v1/generate?grant_type=client_credentials"
        return self.call("GET", path, auth=(key, secret))

    @property
    def token(self) -> str:
        if self._token is None:
            self._token = str(self.oauth().json()["access_token"])
        return self._token

    def daraja(self, path: str, body: Any) -> requests.Response:
        return self.call("POST", path, json=body, headers={"Authorization": f"Bearer {self.token}"})

    def push_body(self, **changes: Any) -> dict[str, Any]:
        phone = changes.pop("phone", PHONE)
        body = {
            "BusinessShortCode": "174379",
            "Password": password(),
            "Timestamp": STAMP,
            "TransactionType": "CustomerPayBillOnline",
            "Amount": 100,
            "PartyA": phone,
            "PartyB": "174379",
            "PhoneNumber": phone,
            "CallBackURL": self.receiver.url + "/stk/secret",
            "AccountReference": "ORDER-1",
            "TransactionDesc": "Shoes",
        }
        return _changed(body, changes)

    def push(self, **changes: Any) -> requests.Response:
        return self.daraja(PUSH, self.push_body(**changes))

    def pushed(self, **changes: Any) -> str:
        answer = self.push(**changes)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["CheckoutRequestID"])

    def query(self, checkout_request_id: str, **changes: Any) -> requests.Response:
        body = {
            "BusinessShortCode": 174379,
            "Password": password(),
            "Timestamp": STAMP,
            "CheckoutRequestID": checkout_request_id,
        }
        return self.daraja(QUERY, _changed(body, changes))

    def b2c_body(self, **changes: Any) -> dict[str, Any]:
        secret = changes.pop("secret", "Safaricom999!*!")
        body = {
            "OriginatorConversationID": "refund-1",
            "InitiatorName": "testapi",
            "SecurityCredential": encrypted(secret, self.certificate),
            "CommandID": "BusinessPayment",
            "Amount": 50,
            "PartyA": "174379",
            "PartyB": PHONE,
            "Remarks": "Refund",
            "QueueTimeOutURL": self.receiver.url + "/timeout",
            "ResultURL": self.receiver.url + "/result",
            "Occassion": "",
        }
        return _changed(body, changes)

    def b2c(self, path: str = B2C_V3, **changes: Any) -> requests.Response:
        return self.daraja(path, self.b2c_body(**changes))

    def reversal_body(self, **changes: Any) -> dict[str, Any]:
        secret = changes.pop("secret", "Safaricom999!*!")
        body = {
            "Initiator": "testapi",
            "SecurityCredential": encrypted(secret, self.certificate),
            "CommandID": "TransactionReversal",
            "TransactionID": "SG632NMUAB",
            "Amount": 100,
            "ReceiverParty": "174379",
            "RecieverIdentifierType": "11",
            "ResultURL": self.receiver.url + "/reversal",
            "QueueTimeOutURL": self.receiver.url + "/timeout",
            "Remarks": "Wrong order",
            "Occasion": "",
        }
        return _changed(body, changes)

    def reversal(self, **changes: Any) -> requests.Response:
        return self.daraja(REVERSAL, self.reversal_body(**changes))

    def reversed_(self, **changes: Any) -> dict[str, Any]:
        """Ask for a reversal, wait for its result, and return it."""
        assert self.reversal(**changes).status_code == 200
        self.advance(1.1)
        return self.receiver.results()[-1]

    def paid(self, **changes: Any) -> str:
        """Let a customer pay a push; return the receipt."""
        done = self.prompt(self.pushed(**changes), "outcome")
        return str(done["prompt"]["receipt"])

    def status_body(self, **changes: Any) -> dict[str, Any]:
        secret = changes.pop("secret", "Safaricom999!*!")
        body = {
            "Initiator": "testapi",
            "SecurityCredential": encrypted(secret, self.certificate),
            "CommandID": "TransactionStatusQuery",
            "PartyA": "174379",
            "IdentifierType": "4",
            "ResultURL": self.receiver.url + "/status",
            "QueueTimeOutURL": self.receiver.url + "/timeout",
            "Remarks": "Status",
            "Occasion": "",
        }
        return _changed(body, changes)

    def status(self, **changes: Any) -> requests.Response:
        return self.daraja(STATUS, self.status_body(**changes))

    def register(self, path: str = REGISTER_V2, **changes: Any) -> None:
        body = {
            "ShortCode": "174379",
            "ResponseType": "Completed",
            "ConfirmationURL": self.receiver.url + CONFIRMATION,
            "ValidationURL": self.receiver.url + VALIDATION,
        }
        answer = self.daraja(path, _changed(body, changes))
        assert answer.status_code == 200, answer.text

    def simulate_body(self, **changes: Any) -> dict[str, Any]:
        body = {
            "ShortCode": 174379,
            "CommandID": "CustomerPayBillOnline",
            "Amount": 5,
            "Msisdn": int(PHONE),
            "BillRefNumber": "INV-7",
        }
        return _changed(body, changes)

    def simulate(self, path: str = SIMULATE, **changes: Any) -> requests.Response:
        return self.daraja(path, self.simulate_body(**changes))

    def menu(self, **changes: Any) -> dict[str, Any]:
        body = {"msisdn": PHONE, "amount": 5, "billRefNumber": "INV-7"}
        payment: dict[str, Any] = self.simulator.post("/simulator/c2b", _changed(body, changes))
        return payment

    def balance_body(self, **changes: Any) -> dict[str, Any]:
        secret = changes.pop("secret", "Safaricom999!*!")
        body = {
            "Initiator": "testapi",
            "SecurityCredential": encrypted(secret, self.certificate),
            "CommandID": "AccountBalance",
            "PartyA": "174379",
            "IdentifierType": "4",
            "ResultURL": self.receiver.url + "/balance",
            "QueueTimeOutURL": self.receiver.url + "/timeout",
            "Remarks": "Balance",
        }
        return _changed(body, changes)

    def balance(self, **changes: Any) -> requests.Response:
        return self.daraja(BALANCE, self.balance_body(**changes))

    def told(self, **changes: Any) -> dict[str, Any]:
        """Ask for a transaction, wait for the answer, and return its parameters by name."""
        assert self.status(**changes).status_code == 200
        self.advance(1.1)
        return parameters(self.receiver.results()[-1])

    def advance(self, seconds: float) -> None:
        self.simulator.post("/simulator/clock/advance", {"seconds": seconds})

    def ledger(self) -> Any:
        return self.simulator.get("/simulator/ledger")

    def options(self, **changes: Any) -> None:
        self.simulator.post("/simulator/options", changes)

    def script(self, **script: Any) -> None:
        operation = script.pop("operation", "stk_push")
        self.simulator.post("/simulator/script", {"for": operation} | script)

    def prompt(self, checkout_request_id: str, act: str, **body: Any) -> Any:
        return self.simulator.post(f"/simulator/prompts/{checkout_request_id}/{act}", body)


def parameters(result: dict[str, Any]) -> dict[str, Any]:
    return {item["Key"]: item.get("Value") for item in result["ResultParameters"]["ResultParameter"]}


def _changed(body: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in (body | changes).items() if value is not None}

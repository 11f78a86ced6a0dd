"""A shop for the tests: it speaks Daraja's protocol to the simulator and receives its callbacks."""

import base64
from typing import Any

import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from daraja_simulator import SimulatorServer

from .receiver import Receiver

PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"
STAMP = "20210628092408"
PHONE = "254712345678"

CONFIRMATION = "/c2b/confirm"
VALIDATION = "/c2b/validate"

PUSH = "/mpesa/stkpush/v1/processrequest"
QUERY = "/mpesa/stkpushquery/v1/query"
B2C_V1 = "/mpesa/b2c/v1/paymentrequest"
B2C_V3 = "/mpesa/b2c/v3/paymentrequest"
POCHI = "/mpesa/b2pochi/v1/paymentrequest"
B2B = "/mpesa/b2b/v1/paymentrequest"
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


class Shop:
    """Sends valid requests. Keyword arguments replace fields, and None removes one."""

    def __init__(self, simulator: SimulatorServer, receiver: Receiver) -> None:
        self.simulator = simulator
        self.receiver = receiver
        self._token: str | None = None
        self.certificate = simulator.state.identity.certificate_pem

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

    def _command(
        self, changes: dict[str, Any], own: dict[str, Any], path: str, initiator: str = "Initiator"
    ) -> dict[str, Any]:
        secret = changes.pop("secret", "Safaricom999!*!")
        common = {
            initiator: "testapi",
            "SecurityCredential": encrypted(secret, self.certificate),
            "ResultURL": self.receiver.url + path,
            "QueueTimeOutURL": self.receiver.url + "/timeout",
        }
        return _changed(common | own, changes)

    def b2c_body(self, **changes: Any) -> dict[str, Any]:
        own = {
            "OriginatorConversationID": "refund-1",
            "CommandID": "BusinessPayment",
            "Amount": 50,
            "PartyA": "174379",
            "PartyB": PHONE,
            "Remarks": "Refund",
            "Occassion": "",
        }
        return self._command(changes, own, "/result", "InitiatorName")

    def b2c(self, path: str = B2C_V3, **changes: Any) -> requests.Response:
        return self.daraja(path, self.b2c_body(**changes))

    def pochi(self, **changes: Any) -> requests.Response:
        return self.b2c(POCHI, **({"CommandID": "BusinessPayToPochi"} | changes))

    def b2b_body(self, **changes: Any) -> dict[str, Any]:
        own = {
            "CommandID": "BusinessPayBill",
            "SenderIdentifierType": "4",
            "RecieverIdentifierType": "4",
            "Amount": "190",
            "PartyA": "174379",
            "PartyB": "888880",
            "AccountReference": "19008",
            "Requester": PHONE,
            "Remarks": "Electricity",
            "Occassion": "",
        }
        return self._command(changes, own, "/b2b")

    def b2b(self, **changes: Any) -> requests.Response:
        return self.daraja(B2B, self.b2b_body(**changes))

    def reversal_body(self, **changes: Any) -> dict[str, Any]:
        own = {
            "CommandID": "TransactionReversal",
            "TransactionID": "SG632NMUAB",
            "Amount": 100,
            "ReceiverParty": "174379",
            "RecieverIdentifierType": "11",
            "Remarks": "Wrong order",
            "Occasion": "",
        }
        return self._command(changes, own, "/reversal")

    def reversal(self, **changes: Any) -> requests.Response:
        return self.daraja(REVERSAL, self.reversal_body(**changes))

    def reversed_(self, **changes: Any) -> dict[str, Any]:
        """Request a reversal, wait for its result, and return it."""
        assert self.reversal(**changes).status_code == 200
        self.advance(1.1)
        return self.receiver.results()[-1]

    def paid(self, **changes: Any) -> str:
        """Start a push, let the customer pay, and return the receipt."""
        done = self.prompt(self.pushed(**changes), "outcome")
        return str(done["prompt"]["receipt"])

    def status_body(self, **changes: Any) -> dict[str, Any]:
        own = {
            "CommandID": "TransactionStatusQuery",
            "PartyA": "174379",
            "IdentifierType": "4",
            "Remarks": "Status",
            "Occasion": "",
        }
        return self._command(changes, own, "/status")

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

    def pay_by_c2b(self, **changes: Any) -> dict[str, Any]:
        body = {"msisdn": PHONE, "amount": 5, "billRefNumber": "INV-7"}
        payment: dict[str, Any] = self.simulator.post("/simulator/c2b", _changed(body, changes))
        return payment

    def balance_body(self, **changes: Any) -> dict[str, Any]:
        own = {
            "CommandID": "AccountBalance",
            "PartyA": "174379",
            "IdentifierType": "4",
            "Remarks": "Balance",
        }
        return self._command(changes, own, "/balance")

    def balance(self, **changes: Any) -> requests.Response:
        return self.daraja(BALANCE, self.balance_body(**changes))

    def query_transaction(self, **changes: Any) -> dict[str, Any]:
        """Query a transaction, wait for the result, and return its parameters by name."""
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

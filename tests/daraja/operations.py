"""Every operation of the client, with a good response of Daraja."""

import pytest

from mpesa_service.daraja import (
    B2bPayment,
    B2cPayment,
    BalanceQuery,
    RegisterUrls,
    Reversal,
    SimulatedC2b,
    StkPush,
    TransactionStatusQuery,
)

from .conftest import BASE
from .test_messages import BALANCE, BUSINESS, PAYMENT, PUSH, REVERSAL, SIMULATED, STATUS, URLS

PUSH_URL = f"{BASE}/mpesa/stkpush/v1/processrequest"
QUERY_URL = f"{BASE}/mpesa/stkpushquery/v1/query"
B2C_URL = f"{BASE}/mpesa/b2c/v3/paymentrequest"
POCHI_URL = f"{BASE}/mpesa/b2pochi/v1/paymentrequest"
B2B_URL = f"{BASE}/mpesa/b2b/v1/paymentrequest"
REVERSAL_URL = f"{BASE}/mpesa/reversal/v1/request"
STATUS_URL = f"{BASE}/mpesa/transactionstatus/v1/query"
BALANCE_URL = f"{BASE}/mpesa/accountbalance/v1/query"
C2B_URL = f"{BASE}/mpesa/c2b/v2/registerurl"
SIMULATE_URL = f"{BASE}/mpesa/c2b/v2/simulate"
ID = "ws_CO_13012021093521236557"
PUSHED = {
    "MerchantRequestID": "2654-4b64-97ff-b827b542881d3130",
    "CheckoutRequestID": "ws_CO_1007202409152617172396192",
    "ResponseCode": "0",
    "ResponseDescription": "Success. Request accepted for processing",
    "CustomerMessage": "Success. Request accepted for processing",
}
QUERIED = {
    "ResponseCode": "0",
    "ResponseDescription": "The service request has been accepted successfully",
    "MerchantRequestID": "22205-34066-1",
    "CheckoutRequestID": ID,
    "ResultCode": "0",
    "ResultDesc": "The service request is processed successfully.",
}
QUEUED = {
    "OriginatorConversationID": "f1e2-4b95-a71d-b30d3cdbb7a7735297",
    "ConversationID": "AG_20210706_20106e9209f64bebd05b",
    "ResponseCode": "0",
    "ResponseDescription": "Accept the service request successfully.",
}
ACCEPTED = QUEUED | {"ConversationID": "AG_20240706_2010364430d9bbdaf872"}
REGISTERED = {
    "OriginatorCoversationID": "6e86-45dd-91ac-fd5d4178ab523408729",
    "ResponseCode": "0",
    "ResponseDescription": "Success",
}
SIMULATION = REGISTERED | {"ResponseDescription": "Accept the service request successfully."}


def error(code, message):
    return {"requestId": "1c5b-4ba8-815c-ac45c57a3db01495926", "errorCode": code, "errorMessage": message}


BAD_TOKENS = [
    (404, error("404.001.03", "Invalid Access Token")),
    (400, error("400.003.01", "Invalid Access Token")),
    (401, error("401.002.01", "Error Occurred - Invalid Access Token - token-1")),
]
OPERATIONS = [
    pytest.param("POST", PUSH_URL, PUSHED, lambda c: c.stk_push(StkPush(**PUSH)), id="push"),
    pytest.param("POST", QUERY_URL, QUERIED, lambda c: c.stk_query(ID), id="query"),
    pytest.param("POST", B2C_URL, QUEUED, lambda c: c.b2c_payment(B2cPayment(**PAYMENT)), id="b2c"),
    pytest.param("POST", C2B_URL, REGISTERED, lambda c: c.register_urls(RegisterUrls(**URLS)), id="c2b"),
    pytest.param(
        "POST",
        STATUS_URL,
        ACCEPTED,
        lambda c: c.transaction_status(TransactionStatusQuery(**STATUS)),
        id="status",
    ),
    pytest.param("POST", REVERSAL_URL, QUEUED, lambda c: c.reverse(Reversal(**REVERSAL)), id="reverse"),
    pytest.param(
        "POST", BALANCE_URL, QUEUED, lambda c: c.account_balance(BalanceQuery(**BALANCE)), id="balance"
    ),
    pytest.param("POST", POCHI_URL, QUEUED, lambda c: c.b2pochi_payment(B2cPayment(**PAYMENT)), id="pochi"),
    pytest.param("POST", B2B_URL, QUEUED, lambda c: c.b2b_payment(B2bPayment(**BUSINESS)), id="b2b"),
    pytest.param(
        "POST", SIMULATE_URL, SIMULATION, lambda c: c.c2b_simulate(SimulatedC2b(**SIMULATED)), id="simulate"
    ),
]
READS = [OPERATIONS[1], OPERATIONS[4], OPERATIONS[6]]
MOVERS = [operation for operation in OPERATIONS if operation not in READS]
every_operation = pytest.mark.parametrize(("method", "url", "good", "act"), OPERATIONS)
every_mover = pytest.mark.parametrize(("method", "url", "good", "act"), MOVERS)


def sent_to(wire, url):
    return [request for request in wire.request_history if request.url == url]


def without(body, *keys):
    return {key: value for key, value in body.items() if key not in keys}

"""What we sign, the published library verifies."""

from base64 import b64decode
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from mpesa_service.outgoing import new_secret, signed_headers

BODY = '{"type":"payment.succeeded","data":{"note":"asante é"}}'.encode()


def test_a_secret() -> None:
    secret = new_secret()
    assert secret.startswith("whsec_")
    assert len(b64decode(secret.removeprefix("whsec_"))) == 32
    assert new_secret() != secret


def test_the_example_of_the_specification() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    at = datetime.fromtimestamp(1_614_265_330, UTC)
    headers = signed_headers([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}')
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_either_of_two_secrets_verifies() -> None:
    new, old, stranger = new_secret(), new_secret(), new_secret()
    headers = signed_headers([new, old], "evt_1", datetime.now(UTC), BODY)
    for secret in (new, old):
        assert Webhook(secret).verify(BODY, headers)["type"] == "payment.succeeded"
    for secret, body in ((stranger, BODY), (new, BODY + b" ")):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, headers)

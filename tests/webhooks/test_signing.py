"""The published library verifies the signatures, and so does an HMAC written out by hand."""

import hashlib
import hmac
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta, timezone

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from mpesa_service.webhooks.signing import new_secret, signed_headers

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


def test_the_signature_is_the_hmac_of_the_specification() -> None:
    """HMAC-SHA256 over `id.timestamp.body`, keyed with the decoded secret, in base64."""
    secret, at = new_secret(), datetime(2026, 11, 30, 12, 0, 0, 999_999, tzinfo=UTC)
    headers = signed_headers([secret], "evt_1", at, BODY)
    key = b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, b"evt_1.1796040000." + BODY, hashlib.sha256).digest()
    assert headers["webhook-timestamp"] == "1796040000"
    assert headers["webhook-signature"] == "v1," + b64encode(digest).decode()


def test_the_zone_of_the_time_changes_nothing() -> None:
    secret, now = new_secret(), datetime.now(UTC)
    nairobi = now.astimezone(timezone(timedelta(hours=3)))
    assert signed_headers([secret], "evt_1", nairobi, BODY) == signed_headers([secret], "evt_1", now, BODY)
    Webhook(secret).verify(BODY, signed_headers([secret], "evt_1", nairobi, BODY))

"""Access tokens: issue, refusal, expiry and revocation."""

import pytest

from .shop import PUSH, QUERY, Shop

GENERATE = "/oauth/v1/generate?grant_type=client_credentials"


def test_a_token_has_28_characters_and_an_hour(shop: Shop) -> None:
    answer = shop.oauth()
    assert answer.status_code == 200
    assert list(answer.json()) == ["access_token", "expires_in"]
    assert len(answer.json()["access_token"]) == 28
    assert answer.json()["expires_in"] == 3599


def test_expires_in_as_a_text(shop: Shop) -> None:
    shop.options(expires_in_style="string", token_lifetime=60)
    assert shop.oauth().json()["expires_in"] == "60"


@pytest.mark.parametrize("path", ["/oauth/v1/generate", "/oauth/v1/generate?grant_type=password"])
def test_wrong_grant_type(shop: Shop, path: str) -> None:
    answer = shop.call("GET", path, auth=("key", "secret"))
    assert answer.status_code == 400
    assert answer.json()["errorCode"] == "400.008.02"
    assert answer.json()["errorMessage"] == "Invalid grant type passed"


@pytest.mark.parametrize(
    "header", [None, "Bearer abc", "Basic !!!", "Basic /w==", "Basic a2V5", "Basic OnNlY3JldA=="]
)
def test_wrong_authentication(shop: Shop, header: str | None) -> None:
    headers = {"Authorization": header} if header else {}
    answer = shop.call("GET", GENERATE, headers=headers)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "400.008.01")
    assert set(answer.json()) == {"requestId", "errorCode", "errorMessage"}


def test_only_one_app_is_valid(shop: Shop) -> None:
    shop.options(consumer_key="mine", consumer_secret="hidden")
    assert shop.oauth("mine", "hidden").status_code == 200
    assert shop.oauth("mine", "other").json()["errorCode"] == "400.008.01"
    assert shop.oauth("yours", "hidden").status_code == 400


def test_a_wrong_secret_with_an_empty_response(shop: Shop) -> None:
    shop.options(consumer_key="mine", oauth_refusal="empty")
    answer = shop.oauth()
    assert (answer.status_code, answer.content) == (400, b"")


def test_a_new_token_invalidates_only_the_old_one_of_its_app(shop: Shop) -> None:
    assert shop.push().status_code == 200
    shop.oauth("another app", "secret")
    assert shop.query("x").status_code == 500
    shop.oauth()
    refused = shop.query("x")
    assert refused.status_code == 404
    assert refused.json()["errorCode"] == "404.001.03"
    assert refused.json()["errorMessage"] == "Invalid Access Token"


def test_old_tokens_can_be_kept(shop: Shop) -> None:
    shop.options(keep_old_tokens=True)
    assert shop.push().status_code == 200
    shop.oauth()
    assert shop.push(phone="254712345670").status_code == 200


def test_a_token_expires(shop: Shop) -> None:
    assert shop.query("x").status_code == 500
    shop.advance(3598)
    assert shop.query("x").status_code == 500
    shop.advance(2)
    assert shop.query("x").status_code == 404


def test_all_tokens_can_be_revoked(shop: Shop) -> None:
    assert shop.query("x").status_code == 500
    shop.simulator.post("/simulator/tokens/revoke")
    assert shop.query("x").status_code == 404


@pytest.mark.parametrize("header", [None, "Basic abc"])
def test_a_missing_header_is_another_error(shop: Shop, header: str | None) -> None:
    headers = {"Authorization": header} if header else {}
    answer = shop.call("POST", PUSH, json={}, headers=headers)
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "404.001.04")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (PUSH, 404, "404.001.03"),
        (QUERY, 404, "404.001.03"),
        ("/mpesa/c2b/v1/registerurl", 400, "400.003.01"),
        ("/mpesa/c2b/v2/registerurl", 400, "400.003.01"),
        ("/mpesa/transactionstatus/v1/query", 400, "400.003.01"),
        ("/mpesa/b2c/v1/paymentrequest", 401, "401.002.01"),
        ("/mpesa/b2c/v3/paymentrequest", 401, "401.002.01"),
    ],
)
def test_each_api_has_its_own_error_for_an_invalid_token(
    shop: Shop, path: str, status: int, code: str
) -> None:
    answer = shop.call("POST", path, json={}, headers={"Authorization": "Bearer stale"})
    assert (answer.status_code, answer.json()["errorCode"]) == (status, code)
    echoed = "stale" in answer.json()["errorMessage"]
    assert echoed == (status == 401)

"""What the settings refuse, hide and derive."""

import dataclasses

import pytest

from .conftest import PASSKEY, make_settings


def test_the_repr_shows_no_secret():
    text = repr(make_settings(initiator_password="hunter2!", security_credential="CREDENTIAL"))
    for secret in ("the-key", "the-secret", PASSKEY, "hunter2!", "CREDENTIAL"):
        assert secret not in text
    assert "174379" in text


def test_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_settings().shortcode = "1"


def test_the_defaults_are_those_of_the_documentation():
    settings = make_settings()
    assert settings.transaction_type == "CustomerPayBillOnline"
    assert (settings.b2c_version, settings.c2b_version) == ("v3", "v2")
    assert settings.b2c_command == "BusinessPayment"
    assert (settings.connect_timeout, settings.read_timeout) == (3.0, 10.0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("base_url", "daraja.test"),
        ("base_url", "ftp://daraja.test"),
        ("base_url", "https://"),
        ("consumer_key", ""),
        ("consumer_secret", ""),
        ("shortcode", ""),
        ("passkey", ""),
        ("transaction_type", "CustomerPaybillOnline"),
        ("b2c_version", "v2"),
        ("c2b_version", "v3"),
        ("b2c_command", "Salary"),
        ("connect_timeout", 0),
        ("read_timeout", -1),
    ],
)
def test_refuses(field, value):
    with pytest.raises(ValueError, match="time-outs" if "timeout" in field else field):
        make_settings(**{field: value})


@pytest.mark.parametrize(
    ("base_url", "production"),
    [
        ("https://api.safaricom.co.ke", True),
        ("https://API.Safaricom.co.ke.:443/", True),
        ("https://sandbox.safaricom.co.ke", False),
        ("http://127.0.0.1:5005", False),
        ("https://api.safaricom.co.ke.example", False),
        ("https://daraja.test/api.safaricom.co.ke", False),
    ],
)
def test_which_host_is_production(base_url, production):
    assert make_settings(base_url=base_url).is_production is production


def test_a_pay_bill_receives_on_its_own_shortcode_whatever_the_till():
    assert make_settings(till="5678").receiving_party == "174379"


def test_buy_goods_receives_on_the_till_and_needs_one():
    goods = {"transaction_type": "CustomerBuyGoodsOnline"}
    assert make_settings(till="5678", **goods).receiving_party == "5678"
    with pytest.raises(ValueError, match="till"):
        make_settings(**goods)


def test_payouts_come_from_the_shortcode_unless_another_is_set():
    assert make_settings().paying_party == "174379"
    assert make_settings(b2c_shortcode="600997").paying_party == "600997"

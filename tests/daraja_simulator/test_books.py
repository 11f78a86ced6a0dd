"""Charges, sweeps, cents, and the list of every entry of the shop's accounts."""

from typing import Any

import pytest

from daraja_simulator.charges import charge_for
from daraja_simulator.money import parse_money
from daraja_simulator.options import SimulatorOptions

from .receiver import Receiver
from .shop import PHONE, Shop, parameters
from .test_conservation import total


def entries(shop: Shop, query: str = "") -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = shop.simulator.get(f"/simulator/transactions{query}")["transactions"]
    return listed


@pytest.mark.parametrize(
    ("payer", "kind", "command", "amount", "charge"),
    [
        ("off", "c2b", "paybill", 5000, "0"),
        ("shared", "c2b", "paybill", 1, "0"),
        ("shared", "stk", "paybill", 1000, "0"),
        ("shared", "stk", "paybill", 1001, "5"),
        ("shared", "c2b", "paybill", 250_000, "84"),
        ("business", "c2b", "paybill", 100, "0"),
        ("business", "c2b", "paybill", "100.50", "5"),
        ("business", "c2b", "paybill", 45_001, "108"),
        ("customer", "c2b", "paybill", 45_001, "0"),
        ("shared", "c2b", "till", 200, "0"),
        ("shared", "c2b", "till", 333, "1.67"),
        ("shared", "c2b", "till", 100_000, "200"),
        ("customer", "b2c", "BusinessPayment", 100, "0"),
        ("shared", "b2c", "BusinessPayment", 101, "5"),
        ("shared", "b2pochi", "BusinessPayToPochi", 20_001, "13"),
        ("shared", "BusinessPayBill", "BusinessPayBill", 1200, "15"),
    ],
)
def test_the_tariffs(payer: str, kind: str, command: str, amount: int | str, charge: str) -> None:
    options = SimulatorOptions().changed({"charges": payer})
    money = parse_money(amount)
    assert money is not None
    assert charge_for(options, kind, command, money) == parse_money(charge)


def test_no_charges_unless_switched_on(shop: Shop) -> None:
    shop.pay_by_c2b(amount=1500)
    shop.paid(Amount=2000)
    shop.b2c(Amount=5000)
    shop.advance(2)
    assert [(entry["kind"], entry["amountCents"]) for entry in entries(shop)] == [
        ("c2b", 150_000),
        ("stk", 200_000),
        ("b2c", 500_000),
    ]


def test_a_charge_has_the_receipt_of_its_payment(shop: Shop, receiver: Receiver) -> None:
    shop.options(charges="shared")
    shop.simulator.post("/simulator/customers", {"msisdn": PHONE})
    before = total(shop)
    receipt = shop.pay_by_c2b(amount="1500.50")["transId"]
    payment, charge = entries(shop)
    assert (payment["receipt"], charge["receipt"], charge["chargeOf"]) == (receipt,) * 3
    assert (payment["kind"], payment["direction"], payment["amountCents"]) == ("c2b", "in", 150_050)
    assert (charge["kind"], charge["direction"], charge["amountCents"]) == ("charge", "out", 700)
    assert charge["balanceCents"] == payment["balanceCents"] - 700 == 10_000_000_000 + 149_350
    shop.b2c(Amount=5000)
    shop.b2b(Amount="1200")
    shop.advance(2)
    ledger = shop.ledger()
    assert total(shop) + ledger["outside"]["fees"] == before
    assert ledger["outside"] == {"bank": 0, "fees": 7 + 9 + 15}
    reported = shop.query_transaction(TransactionID=ledger["credits"][0]["receipt"])
    assert reported["DebitPartyCharges"] == "Fee For B2C Payment|KES|9.00"


def test_charges_can_wait_in_their_own_account(shop: Shop) -> None:
    shop.options(charges="business", charges_account="charges", b2c_charge_receipt="own")
    shop.pay_by_c2b(amount=1500)
    shop.b2c(Amount=5000)
    shop.advance(2)
    ledger = shop.ledger()
    assert (ledger["accounts"]["charges"], ledger["accounts"]["utility"]) == (-24, 100_000_000 - 3500)
    (payment, _charge, payout, fee) = entries(shop)
    assert fee["receipt"] not in (payment["receipt"], payout["receipt"])
    assert (fee["account"], fee["chargeOf"]) == ("charges", payout["receipt"])
    refused = shop.call("POST", "/simulator/sweeps", json={"from": "utility", "to": "bank"})
    assert (refused.status_code, refused.json()) == (
        409,
        {"error": "KES 24.00 of charges must be paid before money leaves"},
    )
    reported = shop.query_transaction(TransactionID=fee["receipt"])
    assert (reported["ReasonType"], reported["Amount"]) == ("Business Payment Charge", "9")
    done = shop.simulator.post("/simulator/sweeps")
    assert done["chargesReceipt"]
    assert done["amount"] == 100_000_000 - 3524
    assert done["accounts"]["charges"] == 0


def test_a_payout_needs_its_charge_too(shop: Shop, receiver: Receiver) -> None:
    shop.simulator.post("/simulator/reset", {"utility_balance": 5008, "charges": "shared"})
    shop._token = None
    shop.b2c(Amount=5000)
    shop.b2b(Amount="5000", PartyB="888880")
    shop.advance(2)
    assert [result["ResultCode"] for result in receiver.results()] == [1, 1]


def test_a_sweep_moves_money_under_one_receipt(shop: Shop) -> None:
    before = total(shop)
    done = shop.simulator.post("/simulator/sweeps", {"amount": "900.50"})
    out, into = entries(shop)
    assert out["receipt"] == into["receipt"] == done["receipt"]
    assert (out["account"], out["direction"], out["amountCents"]) == ("utility", "out", 90_050)
    assert (into["account"], into["direction"], into["balanceCents"]) == ("settlement", "in", 90_050)
    bank = shop.simulator.post("/simulator/sweeps", {"to": "bank"})
    assert (bank["from"], bank["amount"], bank["accounts"]["settlement"]) == ("settlement", 900.5, 0)
    assert total(shop) + shop.ledger()["outside"]["bank"] == before
    reported = shop.query_transaction(TransactionID=done["receipt"])
    assert reported["ReasonType"] == "Utility Account to Organization Settlement Account"
    assert (reported["Amount"], reported["TransactionStatus"]) == ("900.50", "Completed")
    assert reported["CreditPartyName"] == reported["DebitPartyName"] == "174379 - SIMULATED SHOP"
    withdrawn = shop.query_transaction(TransactionID=bank["receipt"])
    assert (withdrawn["ReasonType"], withdrawn["CreditPartyName"]) == (
        "Organization Settlement",
        "SIMULATED BANK",
    )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"from": "pocket"}, 400),
        ({"to": "utility"}, 400),
        ({"amount": "1.005"}, 400),
        ({"amount": 0}, 409),
        ({"amount": 100_000_001}, 409),
        ({"to": "bank"}, 409),
    ],
)
def test_sweeps_that_are_refused(shop: Shop, body: dict[str, Any], status: int) -> None:
    assert shop.call("POST", "/simulator/sweeps", json=body).status_code == status
    assert entries(shop) == []


def test_cents_on_the_wire_and_in_the_control_call(shop: Shop, receiver: Receiver) -> None:
    shop.register()
    assert shop.pay_by_c2b(amount="100.50")["amount"] == 100.5
    assert shop.pay_by_c2b(amount=7.25)["amount"] == 7.25
    assert shop.simulate(Amount="2.10").status_code == 200
    shop.advance(2)
    assert [post["body"]["TransAmount"] for post in receiver.posts] == ["100.50", "7.25", "2.10"]
    assert receiver.posts[-1]["body"]["OrgAccountBalance"] == "100000109.85"
    assert [entry["amountCents"] for entry in entries(shop)] == [10_050, 725, 210]
    state = shop.simulator.get(f"/simulator/phone/{PHONE}/state")
    assert state["balance"] == 9_999_890.15
    assert "Ksh2.10 paid to 174379" in state["messages"][-1]
    reported = shop.query_transaction(TransactionID=entries(shop)[0]["receipt"])
    assert reported["Amount"] == "100.50"


def test_the_list_is_paged_and_can_be_filtered(shop: Shop) -> None:
    for number in range(5):
        shop.pay_by_c2b(amount=number + 1, billRefNumber=f"INV-{number}")
    shop.pay_by_c2b(shortcode="600123")
    page = shop.simulator.get("/simulator/transactions?limit=4")
    assert (page["total"], page["next"], len(page["transactions"])) == (6, 4, 4)
    last = shop.simulator.get("/simulator/transactions?limit=4&offset=4")
    assert (last["next"], len(last["transactions"])) == (None, 2)
    assert page["transactions"][0]["accountReference"] == "INV-0"
    assert page["transactions"][0]["msisdn"] == PHONE
    assert len(entries(shop, "?shortcode=600123&kind=c2b")) == 1
    assert entries(shop, "?kind=b2c") == []
    for query in ("limit=0", "limit=10001", "limit=x", "offset=-1"):
        assert shop.call("GET", f"/simulator/transactions?{query}").status_code == 400


def test_a_status_result_has_the_debit_party_twice(shop: Shop, receiver: Receiver) -> None:
    shop.query_transaction(TransactionID=shop.paid())
    items = receiver.results()[-1]["ResultParameters"]["ResultParameter"]
    assert [item["Key"] for item in items][:2] == ["DebitPartyName"] * 2
    assert items[0] == items[1]
    assert parameters(receiver.results()[-1])["DebitPartyName"] == f"{PHONE} - CUSTOMER 5678"


@pytest.mark.parametrize("value", [None, True, [], "1,000", "-1", "1.005", "ten", "1e3"])
def test_what_is_no_amount(shop: Shop, value: Any) -> None:
    answer = shop.call(
        "POST", "/simulator/c2b", json={"msisdn": PHONE, "amount": value, "billRefNumber": "INV-7"}
    )
    assert answer.status_code == 400
    assert entries(shop) == []

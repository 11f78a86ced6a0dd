"""Kenyan numbers in every spelling that people use, and the spellings that are refused."""

from itertools import zip_longest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpesa_service.domain.phones import (
    mask_msisdn,
    mask_party,
    mask_payer,
    mask_reference,
    normalize_msisdn,
    same_phone,
)
from mpesa_service.errors import InvalidPhone

MESSAGE = "Invalid phone number format. Use 254XXXXXXXXX, 0XXXXXXXXX, or XXXXXXXXX"


def subscribers() -> st.SearchStrategy[str]:
    return st.from_regex(r"\A[17][0-9]{8}\Z")


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("254712345678", "254712345678"),
        ("0712345678", "254712345678"),
        ("712345678", "254712345678"),
        ("254 712345678", "254712345678"),
        ("254 712 345 678", "254712345678"),
        (" 0712 345 678 ", "254712345678"),
        ("0712-345-678", "254712345678"),
        ("0712.345.678", "254712345678"),
        ("(0712) 345678", "254712345678"),
        ("+254712345678", "254712345678"),
        ("+254 712 345678", "254712345678"),
        ("+254\u00a0712\u00a0345\u00a0678", "254712345678"),
        ("00254712345678", "254712345678"),
        ("0110345678", "254110345678"),
        ("110345678", "254110345678"),
        ("254110345678", "254110345678"),
        ("+254110345678", "254110345678"),
        ("0799999999", "254799999999"),
        ("0100000000", "254100000000"),
        ("\u202a+254 712 345678\u202c", "254712345678"),
        ("\u200e+254\u00a0712\u00a0345\u00a0678\u200f", "254712345678"),
        ("\u2066+254712345678\u2069", "254712345678"),
        ("\ufeff0712345678", "254712345678"),
        ("0712\u200b345\u200d678", "254712345678"),
        ("0712\u00ad345678", "254712345678"),
        ("\u20600712345678", "254712345678"),
        ("0712\u2011345\u2011678", "254712345678"),
        ("0712\u2013345\u2014678", "254712345678"),
        ("0712\u2010345\u2212678", "254712345678"),
        ("0712\ufe63345\uff0d678", "254712345678"),
        ("0712\u202f345\u2009678\u3000", "254712345678"),
        ("[0712] 345678", "254712345678"),
        ("{0712}345678", "254712345678"),
        ("\uff080712\uff09345678", "254712345678"),
    ],
)
def test_every_usual_spelling_is_one_number(text: str, normal: str) -> None:
    assert normalize_msisdn(text) == normal


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "123456",
        "255712345678",
        "2540712345678",
        "+2540712345678",
        "002540712345678",
        "+0712345678",
        "+712345678",
        "00712345678",
        "000254712345678",
        "++254712345678",
        "25471234567",
        "2547123456789",
        "071234567",
        "07123456789",
        "71234567",
        "7123456789",
        "254812345678",
        "254012345678",
        "0212345678",
        "0612345678",
        "812345678",
        "07123a5678",
        "O712345678",
        "phone",
        "0712345678\n",
        "0712345678\x00",
        "0712345678;0722000000",
        "0712345678,",
        "07_12345678",
        "-",
        "\u0660\u0667\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668",
        "\uff10\uff17\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18",
        "07\u0967\u0968\u0969\u096a\u096b\u096c\u096d\u096e",
        "\u00b254712345678",
        "0712345678\t",
        "0712\u2028345678",
        "\u202a",
        "\uff0b254712345678",
        "\u0668712345678",
        "0712\u0301345678",
        "2.54712E+11",
        "254712345678 " * 3,
        "0" * 10_000,
    ],
)
def test_anything_else_is_refused_with_the_one_sentence(text: str) -> None:
    with pytest.raises(InvalidPhone) as caught:
        normalize_msisdn(text)
    assert caught.value.message == MESSAGE
    assert (caught.value.status, caught.value.code) == (400, "invalid_phone_number")


def test_the_longest_text_that_is_looked_at() -> None:
    assert normalize_msisdn("0712345678" + " " * 38) == "254712345678"
    with pytest.raises(InvalidPhone):
        normalize_msisdn("0712345678" + " " * 39)


@given(subscribers(), st.lists(st.characters(categories=["Cf", "Pd", "Zs", "Ps", "Pe"]), max_size=30))
def test_a_filler_of_any_script_changes_nothing(subscriber: str, fillers: list[str]) -> None:
    text = "".join(a + b for a, b in zip_longest(f"+254{subscriber}", fillers, fillvalue=""))
    assert normalize_msisdn(text) == f"254{subscriber}"


@given(subscribers(), st.sampled_from(["", "0", "254", "+254", "00254"]), st.integers(0, 8))
def test_normalizing_twice_changes_nothing(subscriber: str, prefix: str, gap: int) -> None:
    once = normalize_msisdn(f"{prefix}{subscriber[:gap]} {subscriber[gap:]}")
    assert once == f"254{subscriber}"
    assert normalize_msisdn(once) == once


@given(st.text(max_size=40))
def test_any_text_is_twelve_ascii_digits_or_refused(text: str) -> None:
    try:
        number = normalize_msisdn(text)
    except InvalidPhone:
        return
    assert len(number) == 12
    assert number.isascii()
    assert number.isdigit()
    assert number[:4] in {"2547", "2541"}


def test_a_mask_hides_the_middle() -> None:
    assert mask_msisdn("254712345678") == "254712***678"


@given(subscribers())
def test_a_mask_is_no_phone_number(subscriber: str) -> None:
    masked = mask_msisdn(f"254{subscriber}")
    assert masked == f"254{subscriber[:3]}***{subscriber[-3:]}"
    with pytest.raises(InvalidPhone):
        normalize_msisdn(masked)


@pytest.mark.parametrize(
    ("reported", "same"),
    [
        (None, True),
        ("254712345678", True),
        ("0712345678", True),
        ("254712345679", False),
        ("254112345678", False),
        ("0712345679", False),
        ("2547*****678", True),
        ("254712***999", True),
        ("", True),
        ("f" * 64, True),
    ],
)
def test_only_another_whole_number_disagrees(reported: str | None, same: bool) -> None:
    assert same_phone("254712345678", reported) is same


@pytest.mark.parametrize(
    ("party", "shown"),
    [
        ("254705912645 - NICHOLAS JOHN SONGOK", "254705***645 - N*** J*** S***"),
        ("0705912645 - Wanjikũ", "070591***645 - W***"),
        ("2547 ***** 645 - JANE", "2547 ***** 645 - J***"),
        ("JANE WANJIKU", "J*** W***"),
        ("600000 - SHOP LIMITED", "600000 - SHOP LIMITED"),
        ("5151515 - SHOP", "5151515 - SHOP"),
        ("", ""),
    ],
)
def test_a_party_is_shown_without_what_names_a_person(party: str, shown: str) -> None:
    assert mask_party(party) == shown


@pytest.mark.parametrize(
    ("reported", "shown"),
    [
        ("", None),
        ("2547 ***** 126", "2547 ***** 126"),
        ("25470****149", "25470****149"),
        ("f" * 64, "hashed"),
        ("F" * 62, "hashed"),
        ("254712345678", "254712***678"),
        ("0712 345 678", "254712***678"),
        ("441632960961", "***961"),
        ("25471234567*", "***67*"),
    ],
)
def test_a_payer_is_shown_masked(reported: str, shown: str | None) -> None:
    assert mask_payer(reported) == shown


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("0712345678", "254712***678"),
        ("254712345678", "254712***678"),
        ("+254 712 345 678", "254712***678"),
        ("712-345-678", "254712***678"),
        ("RENT 0712345678 MAY", "RENT 254712***678 MAY"),
        ("ACC0112345678", "ACC254112***678"),
        ("0712345678/0722000001", "254712***678/254722***001"),
        ("ORDER-1001", "ORDER-1001"),
        ("0202345678", "0202345678"),
        ("20261122000017", "20261122000017"),
        ("07123456789", "07123456789"),
        ("", ""),
    ],
)
def test_a_number_that_was_typed_as_account_is_shown_masked(typed: str, shown: str) -> None:
    assert mask_reference(typed) == shown

"""Log lines contain no personal data and no secrets, but the texts that operators search for."""

import json
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mpesa_service.core.log_format import redact
from mpesa_service.domain.references import new_id, new_token
from tests.core.log_lines import line_of

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzaG9wIn0.c2lnbmF0dXJl-_x"
TOKEN = "Zk3cXq8uT1vPz0aBcDeFgHiJkLmNoPqRsTuVwXyZ-_9"
BASIC = "c2ltdWxhdG9yOnNpbXVsYXRvcg=="
# A text, and what of it must not be seen.
CANARIES = [
    ("IntegrityError: (x) bad\nDETAIL:  Failing row contains (p1, Wanjiku\nKamau).", "Kamau"),
    ("254712345678", "712345678"),
    ("+254712345678", "712345678"),
    ("00254712345678", "712345678"),
    ("0712345678", "712345678"),
    ("712345678", "712345678"),
    ("254110345678", "110345678"),
    ("0110345678", "110345678"),
    ("110345678", "110345678"),
    ("254 712 345 678", "345 678"),
    ("254-712-345-678", "345-678"),
    ("+254 712345678", "712345678"),
    ("0712 345 678", "345 678"),
    ("0712-345-678", "345-678"),
    ("0712.345.678", "345.678"),
    ("%2B254712345678", "712345678"),
    ("msisdn=254712345678&x=1", "712345678"),
    ('{"PhoneNumber": 254712345678}', "712345678"),
    ('{"PhoneNumber":254712345678}', "712345678"),
    ("b'\\n254712345678\\n'", "712345678"),
    ("tel:0712345678,", "712345678"),
    ("to phone_254712345678.", "712345678"),
    ("254712345678 then 254722000001", "722000001"),
    ("ws_CO_221120261200000712345678", "345678"),
    ("ws_CO_22112026120000012345", "22112026120000012345"),
    ("GET /api/mpesa/query/ws_CO_22112026120000712345678 200", "345678"),
    ("checkout_ws_CO_22112026120000712345678", "345678"),
    (f"Authorization: Bearer {JWT}", "eyJzdWIiOiJzaG9wIn0"),
    (f"Authorization: Bearer {JWT}", "c2lnbmF0dXJl"),
    ("bearer SGWcJPtNtYNPGm6uSYR9yPYrAI3Bm", "SGWcJPtNtYNPGm6uSYR9yPYrAI3Bm"),
    ("{'Authorization': 'Bearer SGWcJPtNtYNPGm6u'}", "SGWcJPtNtYNPGm6u"),
    (f"Authorization: Basic {BASIC}", BASIC),
    (f"Basic {BASIC}", BASIC),
    (f"token {JWT} refused", "eyJzdWIiOiJzaG9wIn0"),
    (f"x{JWT}", "eyJzdWIiOiJzaG9wIn0"),
    ("eyJhbGciOiJub25lIn0.eyJzdWIiOiJzaG9wIn0.", "eyJzdWIiOiJzaG9wIn0"),
    ('"Password": "MTc0Mzc5YmZiMjc5Zjlh"', "MTc0Mzc5YmZiMjc5Zjlh"),
    ('{"Password":"MTc0Mzc5YmZiMjc5Zjlh"}', "MTc0Mzc5YmZiMjc5Zjlh"),
    ("{'Password': 'MTc0Mzc5YmZiMjc5Zjlh'}", "MTc0Mzc5YmZiMjc5Zjlh"),
    ("{'password': 'two words'}", "words"),
    ('{"password": "two words"}', "words"),
    (r'"{\"Password\": \"MTc0Mzc5\"}"', "MTc0Mzc5"),
    ("password=hunter2canary", "hunter2canary"),
    ("password = hunter2canary", "hunter2canary"),
    ("MPESA_INITIATOR_PASSWORD=hunter2canary", "hunter2canary"),
    ("MPESA_PASSKEY=bfb279f9aa9bdbcf", "bfb279f9aa9bdbcf"),
    ("passkey: bfb279f9aa9bdbcf", "bfb279f9aa9bdbcf"),
    ("MPESA_CONSUMER_SECRET=canary123", "canary123"),
    ("MPESA_CONSUMER_KEY=canary123", "canary123"),
    ("consumerKey='canary123'", "canary123"),
    ("JWT_SECRET_KEY=canary123", "canary123"),
    ("PHONE_HASH_KEY=canary123", "canary123"),
    ("PHONE_ENCRYPTION_KEYS=canary123,canary456".replace(",", "-"), "canary"),
    ("MPESA_SECURITY_CREDENTIAL=Cn4ry+/==", "Cn4ry"),
    ('"SecurityCredential": "Cn4ry+/=="', "Cn4ry"),
    ("SecurityCredential=Cn4ry", "Cn4ry"),
    ('{"access_token": "SGWcJPtNtYNP", "expires_in": "3599"}', "SGWcJPtNtYNP"),
    ("Invalid Access Token - SGWcJPtNtYNP", "SGWcJPtNtYNP"),
    ('{"errorMessage": "Invalid Access Token - SGWcJPtNtYNP"}', "SGWcJPtNtYNP"),
    (f"POST /api/mpesa/callback/{TOKEN} HTTP/1.1", TOKEN[:12]),
    (f"https://pay.example.co.ke/api/mpesa/callback/{TOKEN}", TOKEN[:12]),
    (f"/api/mpesa/callback/command/timeout/{TOKEN}", TOKEN[:12]),
    (f"POST /c2b/{'0a' * 32}/confirmation", "0a0a0a"),
    (f"https://pay.example.co.ke/money/{'0a' * 32}/validation HTTP/1.1", "0a0a0a"),
    (f"/api/mpesa/callback/command/result/{TOKEN}", TOKEN[:12]),
    (f"/api/mpesa/callback/command/status/timeout/{TOKEN}", TOKEN[:12]),
    ("postgresql+psycopg://mpesa:pgcanary@db:5432/mpesa", "pgcanary"),
    ("redis://:rediscanary@cache:6379/0", "rediscanary"),
]
SURVIVORS = [
    "67408f1b9d1c712345678abc",
    "1a0712345678b254712345cd",
    "712345678901234567890123",
    "0712345678a0712345678b07",
    "01a2027b5c90254712345678",
    "payment 67408f1b9d1c712345678abc is paid",
    "2026-11-22T09:00:00.123456+00:00",
    "2026-11-22T12:00:00.120+03:00",
    "2026-11-22 09:00:00,123",
    "20261122120000",
    "1795338000",
    "1795338000.712345",
    "amount 100 of 70000 and 250000",
    "ORDER-1001",
    "ORDER-20261122-000017",
    "2026_11_22_000017",
    "AG_20191219_00005797af5d7d75f652",
    "AG_20261122_712345678a0712345678",
    "NLJ7RT61SV",
    "UKM1234567",
    "92643-47073138-2",
    "7e57c0de-0712-4345-8678-071234567890",
    "HTTP 404 404.001.03",
    "127.0.0.1:5006",
    "took 0.123456789s",
    "300.1 ms, 12 rows",
    "revision 0001",
    "a secret is needed",
    "token expired",
    "[123]",
]


@pytest.mark.parametrize(("text", "hidden"), CANARIES)
class TestHidden:
    def test_in_a_message(self, text: str, hidden: str) -> None:
        line = line_of(text)
        assert hidden not in json.loads(line)["message"]
        assert hidden not in line

    def test_in_an_argument_of_the_message(self, text: str, hidden: str) -> None:
        assert hidden not in json.loads(line_of("Daraja answered %s; done", text))["message"]

    def test_in_an_argument_that_is_shown_as_source(self, text: str, hidden: str) -> None:
        assert hidden not in json.loads(line_of("Daraja answered %r; done", text))["message"]

    def test_in_an_extra(self, text: str, hidden: str) -> None:
        assert hidden not in line_of(reason=text)

    def test_in_a_nested_extra(self, text: str, hidden: str) -> None:
        line = line_of(detail={"deep": [{"reason": text}, (text,), {text}], text: 1, "raw": text.encode()})
        assert hidden not in json.dumps(json.loads(line), ensure_ascii=False)

    def test_in_an_exception(self, text: str, hidden: str) -> None:
        try:
            try:
                raise ValueError(text)  # noqa: TRY301
            except ValueError as error:
                raise RuntimeError(f"again: {text}") from error
        except RuntimeError:
            line = line_of("failed", exc_info=sys.exc_info())
        assert "RuntimeError" in json.loads(line)["exc_info"]
        assert hidden not in json.loads(line)["exc_info"]

    def test_in_an_object(self, text: str, hidden: str) -> None:
        assert hidden not in line_of(error=ValueError(text))


@pytest.mark.parametrize("text", SURVIVORS)
def test_what_operators_search_for_survives(text: str) -> None:
    found = json.loads(line_of(f"see {text} here", reason=text, nested={"ids": [text]}))
    assert found["message"] == f"see {text} here"
    assert found["reason"] == text
    assert found["nested"] == {"ids": [text]}


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**48 - 1))
@example(0x01A2027B5C90, 0x254712345678)
@example(0x071234567890, 0x712345678901)
def test_ids_survive_whatever_their_digits(left: int, right: int) -> None:
    made = f"{left:012x}{right:012x}"
    assert redact(f"payment {made}, refund={made}") == f"payment {made}, refund={made}"


def test_fresh_ids_survive() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    for made in (new_id(now) for _ in range(2_000)):
        assert redact(made) == made


def test_fresh_callback_tokens_never_do() -> None:
    for token in (new_token() for _ in range(500)):
        assert token not in redact(f"POST /api/mpesa/callback/{token}")


@given(
    st.from_regex(r"\A[17][0-9]{8}\Z"),
    st.sampled_from(["254", "+254", "0", ""]),
    st.sampled_from(" ,;:'\"/()[]{}=_-"),
)
def test_no_phone_number_survives(subscriber: str, prefix: str, fence: str) -> None:
    assert subscriber not in redact(f"a{fence}{prefix}{subscriber}{fence}z")


def test_enough_of_a_number_is_left_to_recognize_it() -> None:
    assert redact("254712345678") == "25471***78"
    assert redact("0712345678") == "071***78"

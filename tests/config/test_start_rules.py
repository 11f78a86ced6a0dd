"""Settings that look right one by one, and still make a service that loses payments, or does not start."""

import pytest

from mpesa_service.config import RULES, load_settings
from tests.config.environments import problems, production

TILL = {"MPESA_TRANSACTION_TYPE": "CustomerBuyGoodsOnline"}
RAW = (
    "MPESA_SECURITY_CREDENTIAL is not an encrypted credential, which is base64 of 344 characters. Put a"
    " password into MPESA_INITIATOR_PASSWORD, with MPESA_CERTIFICATE_PATH."
)
DERIVED = (
    "MPESA_C2B_URL is needed: the address made of MPESA_CALLBACK_URL, https://mpesa.example.co.ke/c2b,"
    " contains 'mpesa', and Safaricom does not register such an address."
)
SQLITE = (
    "DATABASE_URL: SQLite is for one web process, and WEB_CONCURRENCY is 2. Use PostgreSQL, or"
    " WEB_CONCURRENCY=1."
)
BROKER = "CELERY_BROKER_URL must be like filesystem://folder, redis://host:6379/0 or amqp://host."
SLOW = (
    "MPESA_CONNECT_TIMEOUT and MPESA_READ_TIMEOUT must be at most 30 seconds together: a stopping process"
    " waits no longer for a push that is on its way."
)
RAW_TEXTS = ("Safaricom999!*!", "cGFzc3dvcmQ=", "A" * 343)
NO_BROKERS = ("rabbit", "http://rabbit", "memory://", "redis:6379")


def callback(host: str) -> dict[str, str]:
    return {"MPESA_CALLBACK_URL": f"https://{host}/api/mpesa/callback"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"MPESA_TILL": "5555555"},
            "MPESA_TILL is for tills: set MPESA_TRANSACTION_TYPE=CustomerBuyGoodsOnline, or remove it.",
        ),
        (
            {**TILL, "MPESA_TILL": "600000"},
            "MPESA_TILL must not be MPESA_SHORTCODE: with a till, MPESA_SHORTCODE is its store number.",
        ),
        *(
            ({name: number}, f"{name} must have 5 to 7 digits.")
            for name in ("MPESA_SHORTCODE", "MPESA_B2C_SHORTCODE")
            for number in ("1234", "12345678", "254712345678")
        ),
        (
            {"MPESA_SHORTCODE": "174379"},
            "MPESA_SHORTCODE is 174379, the shortcode of the sandbox. Production has its own.",
        ),
        *(({"MPESA_SECURITY_CREDENTIAL": text}, RAW) for text in RAW_TEXTS),
        *(
            (
                callback(host),
                f"MPESA_CALLBACK_URL must lead to a public host in production, and {host} is {why}.",
            )
            for host, why in (
                ("localhost", "a name in a private network"),
                ("service", "a name in a private network"),
                ("pay.local", "a name in a private network"),
                ("127.0.0.1", "a private address"),
                ("10.1.2.3", "a private address"),
                ("a1b2.ngrok-free.app", "a tunnel for development"),
                ("abc.ngrok.io", "a tunnel for development"),
            )
        ),
        (
            {"MPESA_C2B_URL": "https://192.168.1.1/c2b"},
            "MPESA_C2B_URL must lead to a public host in production, and 192.168.1.1 is a private address.",
        ),
        (
            {"MPESA_CALLBACK_URL": "https://pay.example.co.ke/api/mpesa/call back"},
            "MPESA_CALLBACK_URL must not contain blanks.",
        ),
        (callback("mpesa.example.co.ke"), DERIVED),
        ({"WEB_CONCURRENCY": "2", "DATABASE_URL": "sqlite:///mpesa.db"}, SQLITE),
        *(({"CELERY_BROKER_URL": url}, BROKER) for url in NO_BROKERS),
        ({"MPESA_CONNECT_TIMEOUT": "10", "MPESA_READ_TIMEOUT": "21"}, SLOW),
        *(
            ({misspelt: "x"}, f"{misspelt} is not a setting. Did you mean {right}?")
            for misspelt, right in (
                ("MPESA_PASKEY", "MPESA_PASSKEY"),
                ("MPESA_PASS_KEY", "MPESA_PASSKEY"),
                ("MPESA_SHORT_CODE", "MPESA_SHORTCODE"),
                ("MPESA_CALLBACK_URI", "MPESA_CALLBACK_URL"),
            )
        ),
    ],
    ids=str,
)
def test_what_does_not_start(changes: dict[str, str], sentence: str) -> None:
    assert problems(production(**changes)) == [sentence]


@pytest.mark.parametrize(
    "changes",
    [
        {**TILL, "MPESA_TILL": "5555555"},
        {"MPESA_CONNECT_TIMEOUT": "10", "MPESA_READ_TIMEOUT": "20"},
        {"CELERY_BROKER_URL": "amqp://rabbit"},
        {"CELERY_BROKER_URL": "rediss://cache:6379/1"},
        callback("41.90.1.1"),
        {**callback("mpesa.example.co.ke"), "MPESA_C2B_URL": "https://pay.example.co.ke/c2b"},
        {"MPESA_ENVIRONMENT": "sandbox", "MPESA_SHORTCODE": "174379"},
        {"MPESA_ENVIRONMENT": "sandbox", **callback("a1.ngrok-free.app")},
        {"MPESA_APP_NAME": "shop", "MPESA": "x"},
    ],
    ids=str,
)
def test_what_starts(changes: dict[str, str]) -> None:
    assert load_settings(production(**changes))


def test_the_name_that_is_missing_and_the_one_that_is_misspelt_are_both_named() -> None:
    environ = production(MPESA_PASKEY="x")
    del environ["MPESA_PASSKEY"]
    first, second = problems(environ)
    assert first == "MPESA_PASKEY is not a setting. Did you mean MPESA_PASSKEY?"
    assert second.startswith("MPESA_PASSKEY is not set.")


def test_every_rule_has_a_name() -> None:
    settings = load_settings(production())
    assert [list(rule(settings)) for rule in RULES.values()] == [[]] * len(RULES)

"""After a rotation the old key can be removed."""

from cryptography.fernet import Fernet
from sqlalchemy import LargeBinary, select

from mpesa_service.core.encryption import Encryption
from mpesa_service.models import Base, CallbackInbox, DarajaToken
from mpesa_service.operations.key_rotation import ENCRYPTED, rotate, rows_to_rotate
from tests.c2b.support import confirm, confirmations
from tests.payouts.support import PAYBILL, ROW, TILL, made, payouts
from tests.support import ENCRYPTION_KEY, SECRET, Service


def test_every_row_comes_under_the_newest_key(service: Service, monkeypatch) -> None:
    monkeypatch.setattr("mpesa_service.operations.key_rotation.BATCH", 2)
    checkouts = [service.paid(order=f"ORDER{n}", phone=f"25472200000{n}") for n in range(3)]
    service.refund(checkouts[0], 40)
    new = Fernet.generate_key().decode()
    object.__setattr__(service.runtime, "encryption", Encryption([new, ENCRYPTION_KEY], SECRET))
    rotated_rows: list[int] = []
    assert rotate(service.runtime, rotated_rows.append) == rows_to_rotate(service.runtime) == 3 + 1 + 3
    assert sum(rotated_rows) == 7

    only_new = Encryption([new], SECRET)
    object.__setattr__(service.runtime, "encryption", only_new)
    assert service.payment(checkouts[2])["mpesaCheckoutRequestId"] == checkouts[2]
    with service.runtime.database.read() as session:
        for row in session.scalars(select(CallbackInbox)):
            assert b"stkCallback" in only_new.decrypt_bytes(row.body_encrypted)
        assert session.scalars(select(DarajaToken)).one().token_encrypted is None
    assert service.pending(order="ORDER9"), "a new token is fetched"


def test_every_encrypted_column_is_known() -> None:
    """A column that rotation skips would always need the old key. Every column of bytes is encrypted."""
    columns = {
        (table.name, column.name)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    assert all(name.endswith("_encrypted") or name in {"answer_body", "payload"} for _, name in columns)
    rotated = {(table.__tablename__, column) for table, columns in ENCRYPTED for column in columns}
    dropped, published = ("daraja_tokens", "token_encrypted"), ("outgoing_events", "payload")
    assert columns - {dropped, published} == rotated


def test_receivers_of_payouts_come_under_the_newest_key(service: Service) -> None:
    made(service, ROW, TILL)
    new = Fernet.generate_key().decode()
    object.__setattr__(service.runtime, "encryption", Encryption([new, ENCRYPTION_KEY], SECRET))
    assert rotate(service.runtime) == 2
    parties = [Encryption([new], SECRET).decrypt(row.party_encrypted) for row in payouts(service)]
    assert parties == ["254712345678", "54321"]


def test_what_was_typed_as_account_comes_under_the_newest_key(service: Service) -> None:
    confirm(service, BillRefNumber="0712 345 678")
    made(service, PAYBILL)
    new = Fernet.generate_key().decode()
    object.__setattr__(service.runtime, "encryption", Encryption([new, ENCRYPTION_KEY], SECRET))
    rotate(service.runtime)
    only_new = Encryption([new], SECRET)
    [payment], [row], [payout] = service.payments(), confirmations(service), payouts(service)
    typed = [only_new.decrypt(one.bill_reference_encrypted or b"") for one in (payment, row)]
    assert typed == ["0712 345 678"] * 2
    assert only_new.decrypt(payout.account_reference_encrypted or b"") == "METER-1"


def test_nothing_to_rotate(service: Service) -> None:
    assert rotate(service.runtime) == 0

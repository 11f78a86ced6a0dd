"""Expected orders, money from a phone's own menu, and payments that no prompt of ours began."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UTC = sa.DateTime(timezone=True)

OWN_BEFORE = (
    "(provider = 'mpesa' AND callback_token_hash IS NOT NULL AND phone_encrypted IS NOT NULL AND phone_hash"
    " IS NOT NULL AND stripe_payment_intent_id IS NULL) OR (provider = 'stripe' AND stripe_payment_intent_id IS"
    " NOT NULL AND callback_token_hash IS NULL AND phone_encrypted IS NULL AND phone_hash IS NULL)"
)
OWN_AFTER = (
    "(provider = 'mpesa' AND channel IS NOT NULL AND channel = 'stk' AND callback_token_hash IS NOT NULL AND"
    " phone_encrypted IS NOT NULL AND phone_hash IS NOT NULL AND stripe_payment_intent_id IS NULL) OR (provider"
    " = 'mpesa' AND channel IS NOT NULL AND channel = 'c2b' AND receipt IS NOT NULL AND payer_encrypted IS NOT"
    " NULL AND stripe_payment_intent_id IS NULL AND callback_token_hash IS NULL AND checkout_id_hash IS NULL) OR"
    " (provider = 'stripe' AND channel IS NULL AND stripe_payment_intent_id IS NOT NULL AND callback_token_hash"
    " IS NULL AND phone_encrypted IS NULL AND phone_hash IS NULL AND payer_encrypted IS NULL)"
)
CHANNELS = "channel IS NULL OR channel IN ('stk', 'c2b')"


def upgrade() -> None:
    _create_orders()
    with op.batch_alter_table("payments") as batch:
        batch.add_column(sa.Column("channel", sa.String(length=8), nullable=True))
        batch.add_column(sa.Column("payer_encrypted", sa.LargeBinary(), nullable=True))
        batch.add_column(sa.Column("bill_reference", sa.String(length=64), nullable=True))
        batch.add_column(sa.Column("reference_key", sa.String(length=64), nullable=True))
        batch.add_column(sa.Column("expected_order_id", sa.String(length=24), nullable=True))
        batch.alter_column("order_id", existing_type=sa.String(length=64), nullable=True)
        batch.create_foreign_key(
            op.f("fk_payments_expected_order_id"), "expected_orders", ["expected_order_id"], ["id"]
        )
    op.execute("UPDATE payments SET channel = 'stk' WHERE provider = 'mpesa'")
    op.execute("UPDATE payments SET reference_key = lower(replace(replace(order_id, '-', ''), '_', ''))")
    with op.batch_alter_table("payments") as batch:
        batch.drop_constraint(op.f("ck_payments_own_columns_only"), type_="check")
        batch.create_check_constraint(op.f("ck_payments_own_columns_only"), OWN_AFTER)
        batch.create_check_constraint(op.f("ck_payments_channel"), CHANNELS)
    op.create_index("ix_payments_account_reference", "payments", ["account_reference", "id"])
    op.create_index("ix_payments_reference_key", "payments", ["reference_key", "id"])
    op.create_index("ix_payments_expected_order", "payments", ["expected_order_id"])
    _create_confirmations()


def _create_orders() -> None:
    op.create_table(
        "expected_orders",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("reference_key", sa.String(length=64), nullable=False),
        sa.Column("account_key", sa.String(length=12), nullable=False),
        sa.Column("amount_due", sa.BigInteger(), nullable=False),
        sa.Column("amount_rule", sa.String(length=8), nullable=True),
        sa.Column("received_amount", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("expires_at", UTC, nullable=True),
        sa.Column("created_at", UTC, nullable=False),
        sa.Column("updated_at", UTC, nullable=False),
        sa.CheckConstraint("amount_due > 0", name=op.f("ck_expected_orders_amount_due")),
        sa.CheckConstraint(
            "status IN ('open', 'partially_paid', 'paid', 'overpaid', 'expired', 'canceled')",
            name=op.f("ck_expected_orders_status"),
        ),
        sa.CheckConstraint(
            "amount_rule IS NULL OR amount_rule IN ('exact', 'minimum', 'any')",
            name=op.f("ck_expected_orders_amount_rule"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_expected_orders")),
        sa.UniqueConstraint("reference", name=op.f("uq_expected_orders_reference")),
        sa.UniqueConstraint("reference_key", name=op.f("uq_expected_orders_reference_key")),
    )
    op.create_index("ix_expected_orders_account_key", "expected_orders", ["account_key"])
    op.create_index("ix_expected_orders_status", "expected_orders", ["status", "id"])
    _partial_index("ix_expected_orders_expires", "expected_orders", "expires_at")
    _create_rules()


def _partial_index(name: str, table: str, column: str) -> None:
    where = sa.text(f"{column} IS NOT NULL")
    op.create_index(name, table, [column], postgresql_where=where, sqlite_where=where)


def _create_rules() -> None:
    op.create_table(
        "c2b_rules",
        sa.Column("shortcode", sa.String(length=16), nullable=False),
        sa.Column("reference_rule", sa.String(length=8), nullable=False),
        sa.Column("amount_rule", sa.String(length=8), nullable=False),
        sa.Column("when_unsure", sa.String(length=8), nullable=False),
        sa.Column("updated_by", sa.String(length=255), nullable=False),
        sa.Column("updated_at", UTC, nullable=False),
        sa.CheckConstraint("reference_rule IN ('known', 'open')", name=op.f("ck_c2b_rules_reference_rule")),
        sa.CheckConstraint(
            "amount_rule IN ('exact', 'minimum', 'any')", name=op.f("ck_c2b_rules_amount_rule")
        ),
        sa.CheckConstraint("when_unsure IN ('accept', 'reject')", name=op.f("ck_c2b_rules_when_unsure")),
        sa.PrimaryKeyConstraint("shortcode", name=op.f("pk_c2b_rules")),
    )


def _create_confirmations() -> None:
    op.create_table(
        "c2b_confirmations",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("receipt", sa.String(length=128), nullable=False),
        sa.Column("shortcode", sa.String(length=16), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("transaction_type", sa.String(length=64), nullable=False),
        sa.Column("bill_reference", sa.String(length=64), nullable=False),
        sa.Column("payer_encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("payer_kind", sa.String(length=8), nullable=False),
        sa.Column("names_encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("transacted_at", UTC, nullable=True),
        sa.Column("received_at", UTC, nullable=False),
        sa.Column("payment_id", sa.String(length=24), nullable=True),
        sa.Column("look_at", UTC, nullable=True),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("fk_c2b_confirmations_payment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_c2b_confirmations")),
        sa.UniqueConstraint("receipt", name=op.f("uq_c2b_confirmations_receipt")),
    )
    op.create_index("ix_c2b_confirmations_payment", "c2b_confirmations", ["payment_id"])
    _partial_index("ix_c2b_confirmations_look", "c2b_confirmations", "look_at")


def downgrade() -> None:
    _refuse_to_lose_money()
    op.drop_table("c2b_confirmations")
    op.drop_table("c2b_rules")
    op.drop_index("ix_payments_expected_order", "payments")
    op.drop_index("ix_payments_reference_key", "payments")
    op.drop_index("ix_payments_account_reference", "payments")
    with op.batch_alter_table("payments") as batch:
        batch.drop_constraint(op.f("ck_payments_own_columns_only"), type_="check")
        batch.drop_constraint(op.f("ck_payments_channel"), type_="check")
        batch.create_check_constraint(op.f("ck_payments_own_columns_only"), OWN_BEFORE)
        batch.drop_constraint(op.f("fk_payments_expected_order_id"), type_="foreignkey")
        batch.alter_column("order_id", existing_type=sa.String(length=64), nullable=False)
        for column in ("expected_order_id", "reference_key", "bill_reference", "payer_encrypted", "channel"):
            batch.drop_column(column)
    op.drop_table("expected_orders")


def _refuse_to_lose_money() -> None:
    found = op.get_bind().execute(sa.text("SELECT count(*) FROM payments WHERE channel = 'c2b'")).scalar()
    if found:
        raise RuntimeError(f"{found} payments came by C2B; the schema before this one cannot hold them")

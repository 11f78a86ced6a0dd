"""Payments, refunds, their audit trail, the callback inbox, idempotency keys and Daraja's token.

The audit trail is append-only: triggers refuse to update or delete its rows.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, postgresql_where=condition, sqlite_where=condition)


def upgrade() -> None:
    op.create_table(
        "paces",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_paces")),
    )
    op.create_table(
        "holds",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=512), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_holds")),
    )
    op.create_table(
        "daraja_tokens",
        sa.Column("app", sa.String(length=64), nullable=False),
        sa.Column("token_encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refresh_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("app", name=op.f("pk_daraja_tokens")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("caller", sa.String(length=255), nullable=False),
        sa.Column("operation", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("resource_id", sa.String(length=24), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer_status", sa.Integer(), nullable=True),
        sa.Column("answer_body", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idempotency_keys")),
        sa.UniqueConstraint(
            "caller", "operation", "key", name=op.f("uq_idempotency_keys_caller_operation_key")
        ),
    )
    op.create_index("ix_idempotency_keys_expires", "idempotency_keys", ["expires_at"], unique=False)

    op.create_table(
        "payments",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("provider", sa.String(length=8), nullable=False),
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("order_id", sa.String(length=64), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("evidence", sa.String(length=16), nullable=True),
        sa.Column("result_code", sa.String(length=32), nullable=True),
        sa.Column("result_desc", sa.String(length=1024), nullable=True),
        sa.Column("failure_reason", sa.String(length=512), nullable=True),
        sa.Column("receipt", sa.String(length=128), nullable=True),
        sa.Column("refunded_amount", sa.BigInteger(), nullable=False),
        sa.Column("refunding_amount", sa.BigInteger(), nullable=False),
        sa.Column("refund_count", sa.Integer(), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("event_count", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("phone_encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("phone_hash", sa.String(length=64), nullable=True),
        sa.Column("account_reference", sa.String(length=12), nullable=True),
        sa.Column("callback_token_hash", sa.String(length=64), nullable=True),
        sa.Column("checkout_id_encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("checkout_id_hash", sa.String(length=64), nullable=True),
        sa.Column("merchant_request_id", sa.String(length=128), nullable=True),
        sa.Column("prompt_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ask_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ask_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asks_made", sa.Integer(), nullable=False),
        sa.Column("contradiction", sa.String(length=16), nullable=True),
        sa.Column("claimed_receipt", sa.String(length=128), nullable=True),
        sa.Column("denial_code", sa.String(length=32), nullable=True),
        sa.Column("denial_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("live_order", sa.String(length=64), nullable=True),
        sa.Column("live_phone", sa.String(length=64), nullable=True),
        sa.Column("stripe_payment_intent_id", sa.String(length=255), nullable=True),
        sa.CheckConstraint(
            "(provider = 'mpesa' AND callback_token_hash IS NOT NULL AND phone_encrypted IS NOT NULL AND phone_hash IS NOT NULL AND stripe_payment_intent_id IS NULL) OR (provider = 'stripe' AND stripe_payment_intent_id IS NOT NULL AND callback_token_hash IS NULL AND phone_encrypted IS NULL AND phone_hash IS NULL)",
            name=op.f("ck_payments_own_columns_only"),
        ),
        sa.CheckConstraint("currency = 'kes'", name=op.f("ck_payments_currency")),
        sa.CheckConstraint("provider IN ('mpesa', 'stripe')", name=op.f("ck_payments_provider")),
        sa.CheckConstraint(
            "status IN ('submitting', 'pending', 'unknown', 'succeeded', 'failed', 'canceled', 'review', 'partially_refunded', 'refunded')",
            name=op.f("ck_payments_status"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payments_amount")),
        sa.CheckConstraint(
            "refunded_amount >= 0 AND refunding_amount >= 0 AND refunded_amount + refunding_amount <= amount",
            name=op.f("ck_payments_refunds_within_amount"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint("callback_token_hash", name=op.f("uq_payments_callback_token_hash")),
        sa.UniqueConstraint("checkout_id_hash", name=op.f("uq_payments_checkout_id_hash")),
        sa.UniqueConstraint("live_order", name=op.f("uq_payments_live_order")),
        sa.UniqueConstraint("live_phone", name=op.f("uq_payments_live_phone")),
        sa.UniqueConstraint("provider", "receipt", name="uq_payments_receipt"),
        sa.UniqueConstraint("stripe_payment_intent_id", name=op.f("uq_payments_stripe_payment_intent_id")),
    )
    _partial_index("ix_payments_ask", "payments", ["ask_at"], "ask_at IS NOT NULL")
    _partial_index("ix_payments_review", "payments", ["id"], "status = 'review'")
    op.create_index("ix_payments_order", "payments", ["order_id", "created_at"], unique=False)

    op.create_table(
        "refunds",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("payment_id", sa.String(length=24), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("evidence", sa.String(length=16), nullable=True),
        sa.Column("phone_encrypted", sa.LargeBinary(), nullable=False),
        sa.Column("originator_conversation_id", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=128), nullable=True),
        sa.Column("result_token_hash", sa.String(length=64), nullable=False),
        sa.Column("timeout_token_hash", sa.String(length=64), nullable=False),
        sa.Column("status_token_hash", sa.String(length=64), nullable=False),
        sa.Column("ask_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asks_made", sa.Integer(), nullable=False),
        sa.Column("receipt", sa.String(length=128), nullable=True),
        sa.Column("result_code", sa.String(length=32), nullable=True),
        sa.Column("result_desc", sa.String(length=1024), nullable=True),
        sa.Column("failure_reason", sa.String(length=512), nullable=True),
        sa.Column("requested_by", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('submitting', 'pending', 'unknown', 'succeeded', 'failed', 'review')",
            name=op.f("ck_refunds_status"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_refunds_amount")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_refunds_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        sa.UniqueConstraint("conversation_id", name=op.f("uq_refunds_conversation_id")),
        sa.UniqueConstraint("originator_conversation_id", name=op.f("uq_refunds_originator_conversation_id")),
        sa.UniqueConstraint("receipt", name=op.f("uq_refunds_receipt")),
        sa.UniqueConstraint("result_token_hash", name=op.f("uq_refunds_result_token_hash")),
        sa.UniqueConstraint("timeout_token_hash", name=op.f("uq_refunds_timeout_token_hash")),
        sa.UniqueConstraint("status_token_hash", name=op.f("uq_refunds_status_token_hash")),
    )
    _partial_index("ix_refunds_ask", "refunds", ["ask_at"], "ask_at IS NOT NULL")
    _partial_index("ix_refunds_review", "refunds", ["id"], "status = 'review'")
    op.create_index("ix_refunds_payment", "refunds", ["payment_id", "created_at"], unique=False)

    op.create_table(
        "callback_inbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=True),
        sa.Column("body_encrypted", sa.LargeBinary(), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("source_address", sa.String(length=64), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=512), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("payment_id", sa.String(length=24), nullable=True),
        sa.Column("refund_id", sa.String(length=24), nullable=True),
        sa.CheckConstraint(
            "kind IN ('stk', 'b2c_result', 'b2c_timeout', 'status_result', 'status_timeout')",
            name=op.f("ck_callback_inbox_kind"),
        ),
        sa.CheckConstraint(
            "verdict IN ('received', 'applied', 'duplicate', 'disputed', 'noted', 'unmatched', 'unreadable', 'failed')",
            name=op.f("ck_callback_inbox_verdict"),
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_callback_inbox_payment_id")),
        sa.ForeignKeyConstraint(["refund_id"], ["refunds.id"], name=op.f("fk_callback_inbox_refund_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_callback_inbox")),
    )
    op.create_index("ix_callback_inbox_payment", "callback_inbox", ["payment_id"], unique=False)
    op.create_index("ix_callback_inbox_verdict", "callback_inbox", ["verdict", "id"], unique=False)

    op.create_table(
        "payment_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("payment_id", sa.String(length=24), nullable=False),
        sa.Column("refund_id", sa.String(length=24), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("from_status", sa.String(length=24), nullable=True),
        sa.Column("to_status", sa.String(length=24), nullable=False),
        sa.Column("cause", sa.String(length=32), nullable=False),
        sa.Column("evidence", sa.String(length=16), nullable=True),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_payment_events_payment_id")),
        sa.ForeignKeyConstraint(["refund_id"], ["refunds.id"], name=op.f("fk_payment_events_refund_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_events")),
        sa.UniqueConstraint("payment_id", "sequence", name=op.f("uq_payment_events_payment_id_sequence")),
    )

    _guard_audit_trail()


def _guard_audit_trail() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER payment_events_no_{verb.lower()} BEFORE {verb} ON payment_events"
                " BEGIN SELECT RAISE(ABORT, 'payment_events is append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION payment_events_refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'payment_events is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER payment_events_append_only BEFORE UPDATE OR DELETE ON payment_events"
        " FOR EACH ROW EXECUTE FUNCTION payment_events_refuse()"
    )


def downgrade() -> None:
    op.drop_table("holds")
    op.drop_table("paces")
    op.drop_table("payment_events")
    op.drop_index("ix_callback_inbox_verdict", "callback_inbox")
    op.drop_index("ix_callback_inbox_payment", "callback_inbox")

    op.drop_table("callback_inbox")
    op.drop_index("ix_refunds_payment", "refunds")

    op.drop_table("refunds")
    op.drop_index("ix_payments_order", "payments")

    op.drop_table("payments")
    op.drop_index("ix_idempotency_keys_expires", "idempotency_keys")

    op.drop_table("idempotency_keys")
    op.drop_table("daraja_tokens")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION payment_events_refuse()")

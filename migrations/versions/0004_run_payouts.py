"""Payouts in batches, inquiries, balances, refunds by reversal; events and callbacks about all of them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UTC = sa.DateTime(timezone=True)

KINDS_BEFORE = "kind IN ('stk', 'b2c_result', 'b2c_timeout', 'status_result', 'status_timeout')"
KINDS_AFTER = (
    "kind IN ('stk', 'b2c_result', 'b2c_timeout', 'status_result', 'status_timeout', 'command_result',"
    " 'command_timeout', 'command_status_result', 'command_status_timeout', 'c2b_validation', 'c2b_confirmation')"
)


def upgrade() -> None:
    _create_batches()
    _create_payouts()
    _create_inquiries()
    _widen_refunds()
    _widen_inbox()
    _widen_events()


def _on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, postgresql_where=condition, sqlite_where=condition)


def _course_of(table: str) -> list[sa.schema.SchemaItem]:
    """Return the columns and constraints that every command has."""
    unique = (
        "originator_conversation_id",
        "conversation_id",
        "result_token_hash",
        "timeout_token_hash",
        "status_token_hash",
    )
    return [
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("evidence", sa.String(length=16), nullable=True),
        sa.Column("originator_conversation_id", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=128), nullable=True),
        sa.Column("result_token_hash", sa.String(length=64), nullable=False),
        sa.Column("timeout_token_hash", sa.String(length=64), nullable=False),
        sa.Column("status_token_hash", sa.String(length=64), nullable=False),
        sa.Column("ask_at", UTC, nullable=True),
        sa.Column("asks_made", sa.Integer(), nullable=False),
        sa.Column("result_code", sa.String(length=32), nullable=True),
        sa.Column("result_desc", sa.String(length=1024), nullable=True),
        sa.Column("failure_reason", sa.String(length=512), nullable=True),
        sa.Column("requested_by", sa.String(length=255), nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.Column("updated_at", UTC, nullable=False),
        sa.Column("completed_at", UTC, nullable=True),
        *(sa.UniqueConstraint(column, name=op.f(f"uq_{table}_{column}")) for column in unique),
    ]


def _create_batches() -> None:
    op.create_table(
        "payout_batches",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("total_amount", sa.BigInteger(), nullable=False),
        sa.Column("needs_approval", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.String(length=255), nullable=False),
        sa.Column("approved_by", sa.String(length=255), nullable=True),
        sa.Column("approved_at", UTC, nullable=True),
        sa.Column("served_at", UTC, nullable=False),
        sa.Column("event_count", sa.Integer(), nullable=False),
        sa.Column("outgoing_count", sa.Integer(), nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.Column("updated_at", UTC, nullable=False),
        sa.Column("completed_at", UTC, nullable=True),
        sa.CheckConstraint(
            "status IN ('waiting_approval', 'running', 'paused', 'stopped', 'done')",
            name=op.f("ck_payout_batches_status"),
        ),
        sa.CheckConstraint("row_count > 0 AND total_amount > 0", name=op.f("ck_payout_batches_sums")),
        sa.CheckConstraint(
            "approved_by IS NULL OR approved_by <> created_by", name=op.f("ck_payout_batches_four_eyes")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_batches")),
        sa.UniqueConstraint("reference", name=op.f("uq_payout_batches_reference")),
    )
    op.create_index("ix_payout_batches_status", "payout_batches", ["status", "id"])


def _create_payouts() -> None:
    op.create_table(
        "payouts",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("batch_id", sa.String(length=24), nullable=False),
        sa.Column("row_number", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("command", sa.String(length=24), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("party_encrypted", sa.LargeBinary(), nullable=False),
        sa.Column("party_hash", sa.String(length=64), nullable=False),
        sa.Column("account_reference", sa.String(length=20), nullable=True),
        sa.Column("remarks", sa.String(length=100), nullable=False),
        sa.Column("receipt", sa.String(length=128), nullable=True),
        sa.Column("begun_at", UTC, nullable=True),
        sa.Column("event_count", sa.Integer(), nullable=False),
        sa.Column("outgoing_count", sa.Integer(), nullable=False),
        *_course_of("payouts"),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payouts_amount")),
        sa.CheckConstraint(
            "status IN ('waiting', 'submitting', 'pending', 'unknown', 'succeeded', 'failed', 'canceled',"
            " 'review')",
            name=op.f("ck_payouts_status"),
        ),
        sa.CheckConstraint(
            "type IN ('b2c', 'b2pochi', 'paybill', 'buy_goods')", name=op.f("ck_payouts_type")
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["payout_batches.id"], name=op.f("fk_payouts_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payouts")),
        sa.UniqueConstraint("batch_id", "row_number", name=op.f("uq_payouts_batch_id_row_number")),
        sa.UniqueConstraint("receipt", name=op.f("uq_payouts_receipt")),
    )
    _partial_index("ix_payouts_waiting", "payouts", ["batch_id", "row_number"], "status = 'waiting'")
    op.create_index("ix_payouts_batch_status", "payouts", ["batch_id", "status"])
    _partial_index("ix_payouts_ask", "payouts", ["ask_at"], "ask_at IS NOT NULL")
    _partial_index("ix_payouts_review", "payouts", ["id"], "status = 'review'")
    op.create_table(
        "payout_events",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("subject_id", sa.String(length=24), nullable=False),
        sa.Column("batch_id", sa.String(length=24), nullable=False),
        sa.Column("payout_id", sa.String(length=24), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("from_status", sa.String(length=24), nullable=True),
        sa.Column("to_status", sa.String(length=24), nullable=False),
        sa.Column("cause", sa.String(length=32), nullable=False),
        sa.Column("evidence", sa.String(length=16), nullable=True),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("at", UTC, nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["payout_batches.id"], name=op.f("fk_payout_events_batch_id")),
        sa.ForeignKeyConstraint(["payout_id"], ["payouts.id"], name=op.f("fk_payout_events_payout_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_events")),
        sa.UniqueConstraint("subject_id", "sequence", name=op.f("uq_payout_events_subject_id_sequence")),
    )
    op.create_index("ix_payout_events_batch", "payout_events", ["batch_id", "id"])
    _guard_audit_trail()


def _guard_audit_trail() -> None:
    if _on_sqlite():
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER payout_events_no_{verb.lower()} BEFORE {verb} ON payout_events"
                " BEGIN SELECT RAISE(ABORT, 'payout_events is append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION payout_events_refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'payout_events is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER payout_events_append_only BEFORE UPDATE OR DELETE ON payout_events"
        " FOR EACH ROW EXECUTE FUNCTION payout_events_refuse()"
    )


def _create_inquiries() -> None:
    op.create_table(
        "inquiries",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("receipt", sa.String(length=128), nullable=True),
        sa.Column("payment_id", sa.String(length=24), nullable=True),
        sa.Column("answer_encrypted", sa.LargeBinary(), nullable=True),
        *_course_of("inquiries"),
        sa.CheckConstraint("kind IN ('status', 'balance')", name=op.f("ck_inquiries_kind")),
        sa.CheckConstraint(
            "status IN ('submitting', 'pending', 'answered', 'failed')", name=op.f("ck_inquiries_status")
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_inquiries_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inquiries")),
    )
    op.create_index("ix_inquiries_receipt", "inquiries", ["receipt", "id"])
    op.create_index("ix_inquiries_kind", "inquiries", ["kind", "id"])
    _partial_index("ix_inquiries_ask", "inquiries", ["ask_at"], "ask_at IS NOT NULL")
    op.create_table(
        "account_balances",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("inquiry_id", sa.String(length=24), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("current_cents", sa.BigInteger(), nullable=False),
        sa.Column("available_cents", sa.BigInteger(), nullable=False),
        sa.Column("reserved_cents", sa.BigInteger(), nullable=False),
        sa.Column("uncleared_cents", sa.BigInteger(), nullable=False),
        sa.Column("at", UTC, nullable=False),
        sa.ForeignKeyConstraint(
            ["inquiry_id"], ["inquiries.id"], name=op.f("fk_account_balances_inquiry_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_balances")),
        sa.UniqueConstraint("inquiry_id", "account", name=op.f("uq_account_balances_inquiry_id_account")),
    )
    op.create_index("ix_account_balances_account", "account_balances", ["account", "id"])


def _widen_refunds() -> None:
    with op.batch_alter_table("refunds") as batch:
        batch.add_column(sa.Column("method", sa.String(length=8), server_default="b2c", nullable=False))
        batch.alter_column("phone_encrypted", existing_type=sa.LargeBinary(), nullable=True)
        batch.create_check_constraint(op.f("ck_refunds_method"), "method IN ('b2c', 'reversal')")
        batch.create_check_constraint(
            op.f("ck_refunds_phone"), "method = 'reversal' OR phone_encrypted IS NOT NULL"
        )


def _widen_inbox() -> None:
    with op.batch_alter_table("callback_inbox") as batch:
        batch.add_column(sa.Column("payout_id", sa.String(length=24), nullable=True))
        batch.add_column(sa.Column("inquiry_id", sa.String(length=24), nullable=True))
        batch.alter_column(
            "kind",
            existing_type=sa.String(length=16),
            type_=sa.String(length=24),
            existing_nullable=False,
        )
        batch.drop_constraint(op.f("ck_callback_inbox_kind"), type_="check")
        batch.create_check_constraint(op.f("ck_callback_inbox_kind"), KINDS_AFTER)
        batch.create_foreign_key(op.f("fk_callback_inbox_payout_id"), "payouts", ["payout_id"], ["id"])
        batch.create_foreign_key(op.f("fk_callback_inbox_inquiry_id"), "inquiries", ["inquiry_id"], ["id"])


def _widen_events() -> None:
    op.add_column("outgoing_events", sa.Column("subject_id", sa.String(length=24), nullable=True))
    op.execute("UPDATE outgoing_events SET subject_id = payment_id")
    with op.batch_alter_table("outgoing_events") as batch:
        batch.drop_constraint(op.f("uq_outgoing_events_payment_id_sequence"), type_="unique")
        batch.alter_column("subject_id", existing_type=sa.String(length=24), nullable=False)
        batch.alter_column("payment_id", existing_type=sa.String(length=24), nullable=True)
        batch.create_unique_constraint(
            op.f("uq_outgoing_events_subject_id_sequence"), ["subject_id", "sequence"]
        )
    op.create_index("ix_outgoing_events_payment", "outgoing_events", ["payment_id"])


def downgrade() -> None:
    _refuse_to_lose_money()
    op.drop_index("ix_outgoing_events_payment", "outgoing_events")
    with op.batch_alter_table("outgoing_events") as batch:
        batch.drop_constraint(op.f("uq_outgoing_events_subject_id_sequence"), type_="unique")
        batch.alter_column("payment_id", existing_type=sa.String(length=24), nullable=False)
        batch.drop_column("subject_id")
        batch.create_unique_constraint(
            op.f("uq_outgoing_events_payment_id_sequence"), ["payment_id", "sequence"]
        )
    with op.batch_alter_table("callback_inbox") as batch:
        batch.drop_constraint(op.f("fk_callback_inbox_payout_id"), type_="foreignkey")
        batch.drop_constraint(op.f("fk_callback_inbox_inquiry_id"), type_="foreignkey")
        batch.drop_column("payout_id")
        batch.drop_column("inquiry_id")
        batch.alter_column(
            "kind",
            existing_type=sa.String(length=24),
            type_=sa.String(length=16),
            existing_nullable=False,
        )
        batch.drop_constraint(op.f("ck_callback_inbox_kind"), type_="check")
        batch.create_check_constraint(op.f("ck_callback_inbox_kind"), KINDS_BEFORE)
    with op.batch_alter_table("refunds") as batch:
        batch.drop_constraint(op.f("ck_refunds_method"), type_="check")
        batch.drop_constraint(op.f("ck_refunds_phone"), type_="check")
        batch.alter_column("phone_encrypted", existing_type=sa.LargeBinary(), nullable=False)
        batch.drop_column("method")
    for table in ("account_balances", "inquiries", "payout_events", "payouts", "payout_batches"):
        op.drop_table(table)
    if not _on_sqlite():
        op.execute("DROP FUNCTION payout_events_refuse()")


def _refuse_to_lose_money() -> None:
    for table, what in (("payouts", "id IS NOT NULL"), ("refunds", "method = 'reversal'")):
        found = op.get_bind().execute(sa.text(f"SELECT count(*) FROM {table} WHERE {what}")).scalar()  # noqa: S608
        if found:
            raise RuntimeError(f"{found} rows of {table} cannot be held by the schema before this one")

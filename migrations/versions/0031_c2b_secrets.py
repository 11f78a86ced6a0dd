"""C2B secrets: random, encrypted, several valid at once.

Until this step, the service derived one secret from PHONE_HASH_KEY and MPESA_SHORTCODE. M-Pesa may have its address, so
it stays valid in a database that was in use: this step notes that there is one, and the service stores it when it needs
it first. A new database has none. After a downgrade, only the derived secret is valid again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

AT = sa.DateTime(timezone=True)
IN_USE = ("daraja_tokens", "payments", "c2b_confirmations")


def upgrade() -> None:
    table = op.create_table(
        "c2b_secrets",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("shortcode", sa.String(16)),
        sa.Column("secret_hash", sa.String(64)),
        sa.Column("secret_encrypted", sa.LargeBinary()),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("registered_at", AT),
        sa.Column("first_used_at", AT),
        sa.Column("valid_until", AT),
        sa.Column("revoked_by", sa.String(255)),
        sa.Column("revocation_reason", sa.String(512)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_c2b_secrets")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_c2b_secrets_secret_hash")),
        sa.CheckConstraint(
            "(secret_hash IS NULL) = (secret_encrypted IS NULL)"
            " AND (secret_hash IS NULL) = (shortcode IS NULL)",
            name=op.f("ck_c2b_secrets_complete"),
        ),
    )
    found = (op.get_bind().scalar(sa.select(1).select_from(sa.table(name)).limit(1)) for name in IN_USE)
    if any(found):
        op.execute(sa.insert(table).values(created_by="migration", created_at=sa.func.now()))


def downgrade() -> None:
    op.drop_table("c2b_secrets")

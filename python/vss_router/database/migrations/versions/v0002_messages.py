"""What consumers remember, and the log of messages."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Both tables."""
    op.create_table(
        "inbox",
        sa.Column("consumer", KEY, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("claimed_until", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("consumer", "id", name=op.f("pk_inbox")),
    )
    op.create_index(op.f("ix_inbox_claimed_until"), "inbox", ["claimed_until"], unique=False)
    op.create_table(
        "rabbitmq_log",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("timestamp", sa.DateTime(timezone=True), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("routing_key", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rabbitmq_log")),
    )
    op.create_index(op.f("ix_rabbitmq_log_timestamp"), "rabbitmq_log", ["timestamp"], unique=False)


def downgrade() -> None:
    """Neither."""
    op.drop_index(op.f("ix_rabbitmq_log_timestamp"), table_name="rabbitmq_log")
    op.drop_table("rabbitmq_log")
    op.drop_index(op.f("ix_inbox_claimed_until"), table_name="inbox")
    op.drop_table("inbox")

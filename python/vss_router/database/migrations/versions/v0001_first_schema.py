"""The first schema: last known rows, calls with their visits and legs, state intervals."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# In the order of bytes on both databases.
KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """All tables."""
    op.create_table(
        "call_legs",
        sa.Column("source", KEY, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("call_key", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("caller_number", sa.Text(), nullable=True),
        sa.Column("connected_number", sa.Text(), nullable=True),
        sa.Column("operator_id", sa.Text(), nullable=True),
        sa.Column("queue", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.Column("hangup_cause", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("source", "key", name=op.f("pk_call_legs")),
    )
    op.create_index(op.f("ix_call_legs_ended_at"), "call_legs", ["ended_at"], unique=False)
    op.create_index(op.f("ix_call_legs_source_call_key"), "call_legs", ["source", "call_key"], unique=False)
    op.create_table(
        "calls",
        sa.Column("source", KEY, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("phone_number", sa.Text(), nullable=True),
        sa.Column("operator_key", KEY, nullable=True),
        sa.Column("operator_id", sa.Text(), nullable=True),
        sa.Column("queue_key", KEY, nullable=True),
        sa.Column("queue", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("queued_at", sa.BigInteger(), nullable=True),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("wait_ms", sa.BigInteger(), nullable=False),
        sa.Column("talk_ms", sa.BigInteger(), nullable=False),
        sa.Column("hold_ms", sa.BigInteger(), nullable=False),
        sa.Column("disposition", sa.Text(), nullable=True),
        sa.Column("hangup_cause", sa.Integer(), nullable=True),
        sa.Column("merged_into", sa.Text(), nullable=True),
        sa.Column("row", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "key", name=op.f("pk_calls")),
    )
    op.create_index(op.f("ix_calls_ended_at"), "calls", ["ended_at"], unique=False)
    op.create_index(op.f("ix_calls_source_status"), "calls", ["source", "status"], unique=False)
    op.create_table(
        "operators",
        sa.Column("source", KEY, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("extension_key", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("row", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("gone_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("source", "key", name=op.f("pk_operators")),
    )
    op.create_index(op.f("ix_operators_source_extension_key"), "operators", ["source", "extension_key"], unique=False)
    op.create_table(
        "queue_sets",
        sa.Column("source", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("queue_key", KEY, nullable=False),
        sa.PrimaryKeyConstraint("source", "id", "queue_key", name=op.f("pk_queue_sets")),
    )
    op.create_index(op.f("ix_queue_sets_source_queue_key"), "queue_sets", ["source", "queue_key"], unique=False)
    op.create_table(
        "queues",
        sa.Column("source", KEY, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("service_level_seconds", sa.Integer(), nullable=False),
        sa.Column("row", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("gone_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("source", "key", name=op.f("pk_queues")),
    )
    op.create_table(
        "sources",
        sa.Column("source", KEY, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_sources")),
    )
    op.create_table(
        "status_history",
        sa.Column("source", KEY, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("since", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("watched", sa.Boolean(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("continues", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("call", sa.Text(), nullable=True),
        sa.Column("queue", sa.Text(), nullable=True),
        sa.Column("queue_key", KEY, nullable=True),
        sa.Column("queue_set", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source", "kind", "key", "since", "seq", "watched", name=op.f("pk_status_history")),
    )
    op.create_index(op.f("ix_status_history_ended"), "status_history", ["ended"], unique=False)
    op.create_index(
        op.f("ix_status_history_source_kind_since"), "status_history", ["source", "kind", "since"], unique=False
    )
    op.create_table(
        "queue_members",
        sa.Column("source", KEY, nullable=False),
        sa.Column("queue_key", KEY, nullable=False),
        sa.Column("interface_key", KEY, nullable=False),
        sa.Column("operator_key", KEY, nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("interface", sa.Text(), nullable=False),
        sa.Column("membership", sa.Text(), nullable=False),
        sa.Column("penalty", sa.Integer(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("paused_reason", sa.Text(), nullable=True),
        sa.Column("paused_since", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["source", "operator_key"],
            ["operators.source", "operators.key"],
            name=op.f("fk_queue_members_operators"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("source", "queue_key", "interface_key", name=op.f("pk_queue_members")),
    )
    op.create_index(
        op.f("ix_queue_members_source_operator_key"), "queue_members", ["source", "operator_key"], unique=False
    )
    op.create_table(
        "queue_visits",
        sa.Column("source", KEY, nullable=False),
        sa.Column("call_key", KEY, nullable=False),
        sa.Column("joined_at", sa.BigInteger(), nullable=False),
        sa.Column("queue_key", KEY, nullable=False),
        sa.Column("operator_key", KEY, nullable=True),
        sa.Column("operator_id", sa.Text(), nullable=True),
        sa.Column("left_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("wait_ms", sa.BigInteger(), nullable=False),
        sa.Column("talk_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["source", "call_key"],
            ["calls.source", "calls.key"],
            name=op.f("fk_queue_visits_calls"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("source", "call_key", "joined_at", "queue_key", name=op.f("pk_queue_visits")),
    )
    op.create_index(op.f("ix_queue_visits_source_joined_at"), "queue_visits", ["source", "joined_at"], unique=False)
    op.create_index(
        op.f("ix_queue_visits_source_queue_key_joined_at"),
        "queue_visits",
        ["source", "queue_key", "joined_at"],
        unique=False,
    )


def downgrade() -> None:
    """None of them."""
    op.drop_index(op.f("ix_queue_visits_source_queue_key_joined_at"), table_name="queue_visits")
    op.drop_index(op.f("ix_queue_visits_source_joined_at"), table_name="queue_visits")
    op.drop_table("queue_visits")
    op.drop_index(op.f("ix_queue_members_source_operator_key"), table_name="queue_members")
    op.drop_table("queue_members")
    op.drop_index(op.f("ix_status_history_source_kind_since"), table_name="status_history")
    op.drop_index(op.f("ix_status_history_ended"), table_name="status_history")
    op.drop_table("status_history")
    op.drop_table("sources")
    op.drop_table("queues")
    op.drop_index(op.f("ix_queue_sets_source_queue_key"), table_name="queue_sets")
    op.drop_table("queue_sets")
    op.drop_index(op.f("ix_operators_source_extension_key"), table_name="operators")
    op.drop_table("operators")
    op.drop_index(op.f("ix_calls_source_status"), table_name="calls")
    op.drop_index(op.f("ix_calls_ended_at"), table_name="calls")
    op.drop_table("calls")
    op.drop_index(op.f("ix_call_legs_source_call_key"), table_name="call_legs")
    op.drop_index(op.f("ix_call_legs_ended_at"), table_name="call_legs")
    op.drop_table("call_legs")

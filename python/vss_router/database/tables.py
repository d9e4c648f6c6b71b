"""The tables. Times are milliseconds since 1970 (UTC), durations are milliseconds: whole numbers add up exactly.

An id may be 10 kB long, more than an index takes: rows are found by its `key` (`row_keys.py`), of a usual id the id
itself. `row` is the ready JSON as it was last seen, passed on without decoding. `seq` is the PBX's sequence; a row
is only ever replaced by one with a higher one.

```
sources ── how far each PBX was recorded
operators ── queue_members                 last known rows, and where they serve
queues
calls ── queue_visits                      each stay in a queue
call_legs                                  channels that hung up
status_history ── queue_sets               state intervals, and the queues served meanwhile
inbox                                      which messages were handled, and by which consumer
rabbitmq_log                               a sample of what was published and consumed
```
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
)
from sqlalchemy import Text as PlainText
from sqlalchemy.types import TypeEngine

__all__ = [
    "METADATA",
    "call_legs",
    "calls",
    "inbox",
    "operators",
    "queue_members",
    "queue_sets",
    "queue_visits",
    "queues",
    "rabbitmq_log",
    "sources",
    "status_history",
]

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _key() -> TypeEngine[str]:
    # In the order of bytes, as the boards sort: a collation of a language would page differently.
    return PlainText().with_variant(PlainText(collation="C"), "postgresql")


sources: Final = Table(
    "sources",
    METADATA,
    Column("source", _key(), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("as_of", BigInteger, nullable=False),
    # Until when the PBX was listened to; a state still open then is not known to have gone on.
    Column("seen_at", BigInteger, nullable=False),
)

operators: Final = Table(
    "operators",
    METADATA,
    Column("source", _key(), primary_key=True),
    Column("key", _key(), primary_key=True),
    Column("id", PlainText, nullable=False),
    Column("extension_key", _key(), nullable=False),
    Column("name", PlainText, nullable=False),
    Column("state", PlainText, nullable=False),
    Column("row", LargeBinary, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("as_of", BigInteger, nullable=False),
    # Since when neither Asterisk nor the board has it; kept so that its history keeps a name.
    Column("gone_at", BigInteger),
    Index(None, "source", "extension_key"),
)

queues: Final = Table(
    "queues",
    METADATA,
    Column("source", _key(), primary_key=True),
    Column("key", _key(), primary_key=True),
    Column("name", PlainText, nullable=False),
    Column("service_level_seconds", Integer, nullable=False),
    Column("row", LargeBinary, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("as_of", BigInteger, nullable=False),
    Column("gone_at", BigInteger),
)

queue_members: Final = Table(
    "queue_members",
    METADATA,
    Column("source", _key(), primary_key=True),
    Column("queue_key", _key(), primary_key=True),
    Column("interface_key", _key(), primary_key=True),
    Column("operator_key", _key(), nullable=False),
    Column("queue", PlainText, nullable=False),
    Column("interface", PlainText, nullable=False),
    Column("membership", PlainText, nullable=False),
    Column("penalty", Integer, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("paused_reason", PlainText),
    Column("paused_since", BigInteger),
    ForeignKeyConstraint(["source", "operator_key"], ["operators.source", "operators.key"], ondelete="CASCADE"),
    Index(None, "source", "operator_key"),
)

calls: Final = Table(
    "calls",
    METADATA,
    Column("source", _key(), primary_key=True),
    Column("key", _key(), primary_key=True),
    Column("id", PlainText, nullable=False),
    Column("direction", PlainText, nullable=False),
    Column("phone_number", PlainText),
    Column("operator_key", _key()),
    Column("operator_id", PlainText),
    Column("queue_key", _key()),
    Column("queue", PlainText),
    Column("status", PlainText, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("queued_at", BigInteger),
    Column("answered_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("wait_ms", BigInteger, nullable=False),
    Column("talk_ms", BigInteger, nullable=False),
    Column("hold_ms", BigInteger, nullable=False),
    Column("disposition", PlainText),
    Column("hangup_cause", Integer),
    Column("merged_into", PlainText),
    Column("row", LargeBinary, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Index(None, "source", "status"),
    Index(None, "ended_at"),
)

queue_visits: Final = Table(
    "queue_visits",
    METADATA,
    Column("source", _key(), primary_key=True),
    Column("call_key", _key(), primary_key=True),
    Column("joined_at", BigInteger, primary_key=True),
    Column("queue_key", _key(), primary_key=True),
    Column("operator_key", _key()),
    Column("operator_id", PlainText),
    Column("left_at", BigInteger),
    Column("outcome", PlainText),
    Column("wait_ms", BigInteger, nullable=False),
    Column("talk_ms", BigInteger, nullable=False),
    ForeignKeyConstraint(["source", "call_key"], ["calls.source", "calls.key"], ondelete="CASCADE"),
    Index(None, "source", "queue_key", "joined_at"),
    Index(None, "source", "joined_at"),
)

call_legs: Final = Table(
    "call_legs",
    METADATA,
    Column("source", _key(), primary_key=True),
    Column("key", _key(), primary_key=True),
    Column("id", PlainText, nullable=False),
    Column("call_key", _key(), nullable=False),
    Column("name", PlainText, nullable=False),
    Column("caller_number", PlainText),
    Column("connected_number", PlainText),
    Column("operator_id", PlainText),
    Column("queue", PlainText),
    Column("created_at", BigInteger, nullable=False),
    Column("answered_at", BigInteger),
    Column("ended_at", BigInteger, nullable=False),
    Column("hangup_cause", Integer),
    # A leg may outlive its call's row, or come before it: no foreign key.
    Index(None, "source", "call_key"),
    Index(None, "ended_at"),
)

status_history: Final = Table(
    "status_history",
    METADATA,
    Column("source", _key(), primary_key=True),
    Column("kind", PlainText, primary_key=True),
    Column("key", _key(), primary_key=True),
    Column("since", BigInteger, primary_key=True, autoincrement=False),
    # The event that began it: the same events give the same rows, however often they are recorded.
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("watched", Boolean, primary_key=True),
    Column("ended", BigInteger),
    Column("continues", Boolean, nullable=False),
    Column("state", PlainText, nullable=False),
    Column("reason", PlainText),
    Column("call", PlainText),
    Column("queue", PlainText),
    Column("queue_key", _key()),
    Column("queue_set", PlainText, nullable=False),
    Index(None, "source", "kind", "since"),
    Index(None, "ended"),
)

queue_sets: Final = Table(
    "queue_sets",
    METADATA,
    Column("source", _key(), primary_key=True),
    # Digest of the queues' names: equal sets have equal ids, whoever writes them.
    Column("id", PlainText, primary_key=True),
    Column("queue_key", _key(), primary_key=True),
    Index(None, "source", "queue_key"),
)

inbox: Final = Table(
    "inbox",
    METADATA,
    Column("consumer", _key(), primary_key=True),
    Column("id", _key(), primary_key=True),
    # Whose claim it is; only they may end it.
    Column("token", PlainText, nullable=False),
    Column("claimed_until", BigInteger, nullable=False),
    Column("done_at", BigInteger),
    Index(None, "claimed_until"),
)

rabbitmq_log: Final = Table(
    "rabbitmq_log",
    METADATA,
    # SQLite numbers rows by itself only in a column of this very type.
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True),
    # A date and text, and not a number and bytes: other services write here too, as the guide shows them.
    Column("timestamp", DateTime(timezone=True), nullable=False),
    Column("service", PlainText, nullable=False),
    Column("type", PlainText, nullable=False),
    Column("routing_key", PlainText, nullable=False),
    Column("data", PlainText, nullable=False),
    Index(None, "timestamp"),
)

"""Keys of rows: an id as an index takes it, and times as whole milliseconds."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["key_of", "milliseconds", "moment", "plain", "queue_set_of"]

LONGEST: Final = 200
"""Bytes of an id that is its own key; PostgreSQL's index takes some 2 700 for all columns together."""
_CUT: Final = 120
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def key_of(row_id: str) -> str:
    """The id itself, or of a long or unprintable one its beginning and a digest, so that order is nearly kept."""
    if row_id.isascii() and row_id.isprintable() and len(row_id) <= LONGEST:
        return row_id
    raw = row_id.encode("utf-8", "surrogatepass")
    # U+0001 marks a digest; an id that holds one, or what PostgreSQL refuses, never is its own key.
    if len(raw) <= LONGEST and not any(unusual in row_id for unusual in "\0\x01") and _is_text(row_id):
        return row_id
    digest = hashlib.blake2b(raw, digest_size=16).hexdigest()
    return plain(raw[:_CUT].decode("utf-8", "ignore")) + "\x01" + digest


def plain(text: str) -> str:
    """The text without what PostgreSQL refuses to store: NUL and halves of surrogate pairs."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


def queue_set_of(queue_keys: Iterable[str]) -> str:
    """The id of a set of queues; empty of none."""
    joined = "\0".join(sorted(queue_keys))
    return hashlib.blake2b(joined.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest() if joined else ""


def milliseconds(at: datetime) -> int:
    """Milliseconds since 1970; the time must carry a zone."""
    return (at - _EPOCH) // _MILLISECOND


def moment(at: int) -> datetime:
    """The time, UTC."""
    return _EPOCH + timedelta(milliseconds=at)


def _is_text(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True

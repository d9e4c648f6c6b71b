"""Channels and calls in one state or queue, picked out of any reader's list.

Only operators have indexes by state and queue; channels and calls are some thousands at most and are looked through,
each row for the few fields that are compared. The rows themselves are passed on as they are.
"""

from collections.abc import Callable

import msgspec

from vss_router.api.answers import settled
from vss_router.status.cursor import Cursor
from vss_router.status.questions import check_limit, page
from vss_router.status.reader import Answer, Maybe

__all__ = ["CallFields", "ChannelFields", "picked"]


class ChannelFields(msgspec.Struct):
    """What channels are picked by."""

    source: str
    id: str
    state: int
    queue: str | None


class CallFields(msgspec.Struct):
    """What calls are picked by; `state` is the row's `status`."""

    source: str
    id: str
    queue: str | None
    state: str = msgspec.field(name="status")


class _Page(msgspec.Struct):
    items: list[msgspec.Raw]


_PAGE = msgspec.json.Decoder(_Page)


async def picked(
    ask: Callable[[], Maybe[Answer]],
    fields: type[ChannelFields | CallFields],
    *,
    state: int | str | None,
    queue: str | None,
    limit: int | None,
) -> Answer:
    """Of all the rows that `ask` brings those in `state` and `queue`, at most `limit`, with the cursor behind them.

    Raises
    ------
    StatusQueryError
        The limit is out of bounds.
    """
    check_limit(limit)
    answer = await settled(ask())
    decoder = msgspec.json.Decoder(fields)
    bodies: list[bytes] = []
    last: Cursor | None = None
    following: str | None = None
    for raw in _PAGE.decode(answer.body).items:
        row = decoder.decode(raw)
        if (state is not None and row.state != state) or (queue is not None and row.queue != queue):
            continue
        if limit is not None and len(bodies) == limit:
            following = last.encode() if last is not None else None
            break
        bodies.append(bytes(raw))
        last = Cursor(row.source, row.id)
    return msgspec.structs.replace(answer, body=page(bodies, following))

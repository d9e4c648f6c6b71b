"""`/api/dead-letters`: messages that nobody could handle, listed, shown, replayed and discarded."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final, Protocol

import msgspec
from litestar import Request, Router, get, post
from litestar.params import FromPath, QueryParameter
from litestar.response.base import ASGIResponse

from vss_router.api.access import may_write
from vss_router.api.answers import row_id
from vss_router.api.bodies import read_change, writing_operation
from vss_router.api.openapi import PlainOperation, described
from vss_router.api.problems import FieldError, Refusal, UnknownRow
from vss_router.api.queries import check_query
from vss_router.broker.dead_letters import Discarded, Letter, LetterDetail, Letters, Replayed
from vss_router.errors import BrokerUnavailableError, TopologyError

__all__ = ["DEAD_LETTERS_PREFIX", "Chosen", "DeadLettersDesk", "dead_letter_routes"]

DEAD_LETTERS_PREFIX: Final = "/api/dead-letters"
_PARKED: Final = "vss.parked"
_RETRY_SECONDS: Final = 5
_MOST: Final = 1000
"""Letters in one list, ids in one body."""

_QueueParameter = Annotated[
    str, QueryParameter(description="The queue to look at, such as `vss.parked` or `vss.commands.failed`.")
]
_LimitParameter = Annotated[int, QueryParameter(ge=1, le=_MOST, description="So many letters, the oldest first.")]


class DeadLettersDesk(Protocol):
    """What the routes need of `vss_router.broker.dead_letters.DeadLetters`, which documents it."""

    # ruff: disable[D102]
    async def list(self, queue: str, *, limit: int = 100) -> Letters: ...
    async def show(self, queue: str, letter_id: str) -> LetterDetail | None: ...
    async def replay(self, queue: str, ids: Collection[str] | None, *, to_exchange: bool = False) -> Replayed: ...
    async def discard(self, queue: str, ids: Collection[str] | None) -> Discarded: ...

    # ruff: enable[D102]


class Chosen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which letters: some by their `ids`, or `all` that are in the queue now.

    `to_exchange` replays to all who are bound for a letter, instead of the queue in which it failed.
    """

    queue: str = _PARKED
    ids: Annotated[list[str], msgspec.Meta(max_length=_MOST)] = []
    all: bool = False
    to_exchange: bool = False


_LETTER: Final = Letter(
    id="01a20198-0da7-7de2-a72d-8968c0b5b8f1",
    queue=_PARKED,
    exchange="vss.events",
    routing_key="call.end",
    failed_queue="vss.call.events",
    reason="the handler keep failed 8 times, last with DatabaseUnavailableError: the database does not answer",
    failed_at="2026-11-21T20:00:12.301Z",
    attempts=8,
    first_error="DatabaseUnavailableError: the database does not answer",
    last_error="DatabaseUnavailableError: the database does not answer",
    replays=0,
    bytes=312,
)
_DETAIL: Final = LetterDetail(
    letter=_LETTER,
    headers={"x-attempts": 8, "x-failed-queue": "vss.call.events"},
    body='{"event": "call.end", "call_id": "1795290561.0"}',
    cut=False,
)
_CHOICE: Final = {"queue": _PARKED, "ids": [_LETTER.id]}
_CHOSEN: Final = msgspec.json.Decoder(Chosen)
_BODY_PROBLEMS: Final = (400, 403, 404, 408, 413, 415, 422, "no-broker")


def dead_letter_routes(desk: DeadLettersDesk | None) -> Router:
    """The routes; without a desk (no broker) they answer 503."""

    @get(
        "/",
        summary="The first dead letters of a queue",
        description="Oldest first. They stay where they are.",
        operation_class=PlainOperation,
        responses=described(Letters, Letters(queue=_PARKED, messages=1, letters=[_LETTER]), 404, 422, "no-broker"),
    )
    async def list_letters(queue: _QueueParameter = _PARKED, limit: _LimitParameter = 100) -> ASGIResponse:
        async with _asking(desk, queue) as asked:
            return _answer(await asked.list(queue, limit=limit))

    @get(
        "/{letter_id:str}",
        summary="One dead letter with headers and body",
        operation_class=PlainOperation,
        responses=described(LetterDetail, _DETAIL, 404, 422, "no-broker"),
    )
    async def show_letter(letter_id: FromPath[str], queue: _QueueParameter = _PARKED) -> ASGIResponse:
        key = row_id(letter_id)
        async with _asking(desk, queue) as asked:
            found = await asked.show(queue, key)
        if found is None:
            raise UnknownRow("letter", key)
        return _answer(found)

    @post(
        "/replay",
        status_code=200,
        summary="Publish dead letters again",
        description="Those that the broker confirmed leave the queue; the others stay, and `trouble` says why.",
        operation_class=writing_operation(Chosen, _CHOICE, PlainOperation),
        responses=described(Replayed, Replayed(replayed=1, refused=0, missing=[]), *_BODY_PROBLEMS),
        guards=[may_write],
    )
    async def replay_letters(request: Request[Any, Any, Any]) -> ASGIResponse:
        chosen = await read_change(request, _CHOSEN)
        ids = _ids(chosen)
        async with _asking(desk, chosen.queue) as asked:
            return _answer(await asked.replay(chosen.queue, ids, to_exchange=chosen.to_exchange))

    @post(
        "/discard",
        status_code=200,
        summary="Take dead letters away for good",
        operation_class=writing_operation(Chosen, _CHOICE, PlainOperation),
        responses=described(Discarded, Discarded(discarded=1, missing=[]), *_BODY_PROBLEMS),
        guards=[may_write],
    )
    async def discard_letters(request: Request[Any, Any, Any]) -> ASGIResponse:
        chosen = await read_change(request, _CHOSEN)
        ids = _ids(chosen)
        async with _asking(desk, chosen.queue) as asked:
            return _answer(await asked.discard(chosen.queue, ids))

    handlers = [list_letters, show_letter, replay_letters, discard_letters]
    return Router(DEAD_LETTERS_PREFIX, before_request=check_query, route_handlers=handlers, tags=["dead letters"])


def _ids(chosen: Chosen) -> list[str] | None:
    if chosen.all == bool(chosen.ids):
        said = "Name some letters by ids, or set all, and not both."
        raise Refusal("bad-input", said, errors=[FieldError(field="ids", detail=said)])
    return None if chosen.all else chosen.ids


def _answer(found: msgspec.Struct) -> ASGIResponse:
    headers = {"cache-control": "no-store"}
    return ASGIResponse(body=msgspec.json.encode(found), headers=headers, media_type="application/json")


@asynccontextmanager
async def _asking(desk: DeadLettersDesk | None, queue: str) -> AsyncIterator[DeadLettersDesk]:
    if desk is None:
        raise Refusal("no-broker", "This router has no broker: set `broker`.", retry_seconds=_RETRY_SECONDS)
    try:
        yield desk
    except BrokerUnavailableError as error:
        raise Refusal("no-broker", str(error), retry_seconds=_RETRY_SECONDS) from error
    except TopologyError as error:
        raise UnknownRow("queue", queue) from error

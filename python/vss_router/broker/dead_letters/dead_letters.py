"""Dead letters listed, shown, replayed and discarded, in `vss.parked`, `vss.commands.failed` or any other queue.

Looking at a queue is taking its messages and putting them back: they are held until the end, so that none is seen
twice, and go back to where they stood. Whoever dies in the middle leaves that to the broker.

```
 get … get ─▶ held ─┬─ not meant ───────────────────────────▶ requeued at the end, in order
                    ├─ discard ─▶ acked
                    └─ replay ─▶ published ─ confirmed ─▶ acked
                                     └─ anything else ─────▶ requeued at the end, counted, named
```
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from typing import Final, final

import msgspec

from vss_router.broker.dead_letters.letter import Letter, LetterDetail, detail_of, letter_of, message_again
from vss_router.broker.message import Delivery, Message, Outcome
from vss_router.broker.transport import Transport
from vss_router.errors import TopologyError

__all__ = ["DeadLetters", "Discarded", "Letters", "Replayed"]

MOST_HELD: Final = 10_000
MOST_HELD_BYTES: Final = 256 * 1024 * 1024
"""What may be held at a time; of a longer queue the first letters are looked at."""
REPLAYS_PER_SECOND: Final = 50.0
_CONFIRM_SECONDS: Final = 30.0
_LOOKS: Final = 50
_LOOK_SECONDS: Final = 0.02

OnProgress = Callable[[int, int], None]
"""Called with how many are done, and of how many."""


class Letters(msgspec.Struct, frozen=True, kw_only=True):
    """The first letters of a queue; `messages` is how many it holds."""

    queue: str
    messages: int
    letters: list[Letter]


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """`refused` letters stayed where they were, `trouble` says why the last one did; `missing` ids were not found."""

    replayed: int
    refused: int
    missing: list[str]
    trouble: str | None = None


class Discarded(msgspec.Struct, frozen=True, kw_only=True):
    """How many are gone for good; `missing` ids were not found."""

    discarded: int
    missing: list[str]


@final
class DeadLetters:
    """The dead letters at one broker, one question at a time. `sleep` waits seconds between replays."""

    def __init__(self, transport: Transport, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._transport = transport
        self._sleep = sleep
        self._one_at_a_time = asyncio.Lock()

    async def list(self, queue: str, *, limit: int = 100) -> Letters:
        """The first `limit` letters of a queue, the oldest first; all stay.

        Raises
        ------
        BrokerUnavailableError
            There is no connection.
        TopologyError
            There is no such queue, or no right to read it.
        """
        letters: list[Letter] = []
        async with self._held(queue, limit) as (messages, deliveries):
            async for delivery in deliveries:
                letters.append(letter_of(delivery))  # noqa: PERF401 - an async comprehension would keep the deliveries
        return Letters(queue=queue, messages=max(messages, len(letters)), letters=letters)

    async def show(self, queue: str, letter_id: str) -> LetterDetail | None:
        """The first letter with this id, with headers and body; None when none of the first 10 000 has it.

        Raises as `list`.
        """
        async with self._held(queue) as (_, deliveries):
            async for delivery in deliveries:
                if letter_of(delivery).id == letter_id:
                    return detail_of(delivery)
        return None

    async def replay(
        self,
        queue: str,
        ids: Collection[str] | None,
        *,
        to_exchange: bool = False,
        per_second: float = REPLAYS_PER_SECOND,
        on_progress: OnProgress | None = None,
    ) -> Replayed:
        """Publish letters again as they first were, and take those away that the broker confirmed.

        They go to the queue in which they failed, or with `to_exchange` to all who are bound for them. `ids` None: all
        that are there now. Raises as `list`; what was replayed before that stays so.
        """
        meant = None if ids is None else set(ids)
        found: set[str] = set()
        replayed, refused, trouble = 0, 0, None
        async with self._held(queue) as (messages, deliveries):
            total = messages if meant is None else len(meant)
            async for delivery in deliveries:
                letter = letter_of(delivery)
                if meant is not None and letter.id not in meant:
                    continue
                found.add(letter.id)
                if replayed + refused:
                    await self._sleep(1 / per_second)
                said = await self._published(message_again(delivery, to_exchange=to_exchange))
                if said is None:
                    delivery.ack()
                    replayed += 1
                else:
                    refused, trouble = refused + 1, said
                if on_progress is not None:
                    on_progress(replayed + refused, total)
        return Replayed(replayed=replayed, refused=refused, missing=sorted((meant or found) - found), trouble=trouble)

    async def discard(
        self, queue: str, ids: Collection[str] | None, *, on_progress: OnProgress | None = None
    ) -> Discarded:
        """Take letters away for good; `ids` None: all that are there now. Raises as `list`."""
        meant = None if ids is None else set(ids)
        found: set[str] = set()
        discarded = 0
        async with self._held(queue) as (messages, deliveries):
            async for delivery in deliveries:
                letter = letter_of(delivery)
                if meant is not None and letter.id not in meant:
                    continue
                found.add(letter.id)
                delivery.ack()
                discarded += 1
                if on_progress is not None:
                    on_progress(discarded, messages if meant is None else len(meant))
        return Discarded(discarded=discarded, missing=sorted((meant or found) - found))

    async def _count(self, queue: str) -> int:
        counts = await self._transport.inspect(queue)
        if counts is None:
            raise TopologyError(
                f"there is no queue {queue} at the broker: none was parked there yet, or it has another name"
            )
        return counts.messages

    async def _published(self, message: Message) -> str | None:
        """None when it was confirmed, else why not."""
        try:
            async with asyncio.timeout(_CONFIRM_SECONDS):
                (confirm,) = await self._transport.publish([message])
        except TimeoutError:
            return f"the broker did not confirm it within {_CONFIRM_SECONDS:g} s"
        if confirm.outcome is Outcome.CONFIRMED:
            return None
        return confirm.reason or f"the broker answered {confirm.outcome}"

    @asynccontextmanager
    async def _held(self, queue: str, limit: int | None = None) -> AsyncIterator[tuple[int, AsyncIterator[Delivery]]]:
        """How many there are now, and the first `limit` one by one; what nobody settled is requeued at the end."""
        held: list[Delivery] = []

        async def taken(most: int) -> AsyncGenerator[Delivery, None]:
            size = 0
            for _ in range(most):
                if len(held) >= MOST_HELD or size >= MOST_HELD_BYTES:
                    return
                delivery = await self._transport.get(queue)
                if delivery is None:
                    return
                held.append(delivery)
                size += len(delivery.body)
                yield delivery
                if delivery.settled:
                    held.pop()
                    size -= len(delivery.body)

        async with self._one_at_a_time:
            # Not before: meanwhile another question may have held them.
            messages = await self._count(queue)
            deliveries = taken(messages if limit is None else min(messages, limit))
            try:
                yield messages, deliveries
            finally:
                await deliveries.aclose()
                back = [delivery for delivery in held if not delivery.settled]
                for delivery in back:
                    delivery.nack(requeue=True)
            await self._returned(queue, len(back))

    async def _returned(self, queue: str, letters: int) -> None:
        """Wait, a second at most, until what was requeued shows: the next question counts from there."""
        for _ in range(_LOOKS):
            counts = await self._transport.inspect(queue)
            if counts is None or counts.messages >= letters:
                return
            await self._sleep(_LOOK_SECONDS)

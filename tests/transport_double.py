"""A transport without a broker: one queue takes everything, and the test says what goes wrong."""

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from vss_router.broker.message import Confirm, Delivery, Message, Outcome
from vss_router.broker.topology import Topology
from vss_router.broker.transport import Consumption, QueueCounts, TransportStatus

__all__ = ["ScriptedTransport"]

CONFIRMED = Confirm(Outcome.CONFIRMED)
LOST = Confirm(Outcome.LOST, "the connection was cut on purpose")


class _Call(NamedTuple):
    messages: list[Message]
    answer: "asyncio.Future[list[Confirm]]"


class ScriptedTransport:
    """`queue` is what the broker took, in its order. `judge` says what the broker does with a message.

    Answers to calls under way come in any order. While `stalled` nothing is taken and nothing answered. `cut` loses the
    connection at a random place: some messages under way were taken, and the answer to all of them is lost.
    """

    def __init__(self, *, connected: bool = True, seed: int = 1) -> None:
        self.queue: list[Message] = []
        self.calls: list[list[Message]] = []
        self.judge: Callable[[Message], Confirm] = lambda _message: CONFIRMED
        self.stalled = False
        self._random = random.Random(seed)
        self._transit: list[_Call] = []
        self._answers: list[tuple[_Call, list[Confirm]]] = []
        self._connected = asyncio.Event()
        self.connects = 0
        if connected:
            self.restore()

    # -- what the test does --------------------------------------------------------------------------------------------

    def cut(self) -> None:
        self._connected.clear()
        on_the_way = sum(len(call.messages) for call in self._transit)
        arriving = self._random.randint(0, on_the_way)
        for call in self._transit:
            for message in call.messages[: max(0, arriving)]:
                if self.judge(message).outcome is Outcome.CONFIRMED:
                    self.queue.append(message)
            arriving -= len(call.messages)
        for call in [*(call for call, _ in self._answers), *self._transit]:
            if not call.answer.done():
                call.answer.set_result([LOST] * len(call.messages))
        self._transit.clear()
        self._answers.clear()

    def restore(self) -> None:
        self.connects += 1
        self._connected.set()

    def stall(self) -> None:
        self.stalled = True

    def flow(self) -> None:
        self.stalled = False
        self._take()

    @property
    def ids(self) -> list[str | None]:
        """The ids of the messages in the queue."""
        return [message.properties.message_id for message in self.queue]

    # -- what a transport does -----------------------------------------------------------------------------------------

    @property
    def status(self) -> TransportStatus:
        connected = self._connected.is_set()
        return TransportStatus(state="ready" if connected else "connecting", connects=self.connects)

    async def connect(self) -> None:
        await self.ready()

    async def ready(self) -> None:
        await self._connected.wait()

    async def publish(self, messages: Sequence[Message]) -> list[Confirm]:
        self.calls.append(list(messages))
        if not self._connected.is_set():
            return [LOST] * len(messages)
        loop = asyncio.get_running_loop()
        call = _Call(list(messages), loop.create_future())
        self._transit.append(call)
        loop.call_soon(self._take)
        return await call.answer

    def _take(self) -> None:
        if self.stalled:
            return
        for call in self._transit:
            confirms = [self.judge(message) for message in call.messages]
            taken = zip(call.messages, confirms, strict=True)
            self.queue += [message for message, confirm in taken if confirm.outcome is Outcome.CONFIRMED]
            self._answers.append((call, confirms))
        self._transit.clear()
        self._random.shuffle(self._answers)
        if self._answers:
            asyncio.get_running_loop().call_soon(self._answer)

    def _answer(self) -> None:
        for call, confirms in self._answers[: self._random.randint(1, 3)]:
            if not call.answer.done():
                call.answer.set_result(confirms)
        self._answers = [both for both in self._answers if not both[0].answer.done()]
        if self._answers and not self.stalled:
            asyncio.get_running_loop().call_soon(self._answer)

    async def declare(self, topology: Topology) -> None:
        """There is only the one queue."""

    async def consume(
        self,
        queue: str,
        on_delivery: Callable[[Delivery], None],
        *,
        prefetch: int,
        exclusive: bool = False,
        on_cancel: Callable[[str], None] | None = None,
    ) -> Consumption:
        raise NotImplementedError

    async def get(self, queue: str) -> Delivery | None:
        raise NotImplementedError

    async def inspect(self, queue: str) -> QueueCounts | None:
        raise NotImplementedError

    async def purge(self, queue: str) -> int:
        raise NotImplementedError

    async def delete_queue(self, queue: str) -> None:
        raise NotImplementedError

    async def close(self, seconds: float = 2.0) -> None:
        """It holds nothing."""

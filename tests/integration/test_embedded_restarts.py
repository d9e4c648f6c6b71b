"""Random steps with restarts between them: what comes out of the journal is what one that never stopped has."""

from pathlib import Path

import pytest

from tests.integration.test_embedded_differential import Dice, told
from vss_router.broker.embedded import EmbeddedTransport
from vss_router.broker.message import Delivery

STEPS = 120


class Pair:
    """A broker with a journal that is closed and opened again, and one in memory that is not."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.lasting = EmbeddedTransport(path)
        self.steady = EmbeddedTransport()
        self.held: list[tuple[Delivery, Delivery]] = []

    async def reopen(self) -> None:
        await self.lasting.close()
        self.lasting = EmbeddedTransport(self._path)
        await self.lasting.connect()

    async def get(self, queue: str) -> bool:
        one, other = await self.lasting.get(queue), await self.steady.get(queue)
        if one is None or other is None:
            assert (one, other) == (None, None), queue
            return False
        # Not the redelivered flag: after a restart all count as redelivered.
        assert known(one) == known(other)
        assert one.waiting == other.waiting
        self.held.append((one, other))
        return True

    def settle(self, place: int, how: str) -> None:
        for delivery in self.held.pop(place):
            assert delivery.ack() if how == "ack" else delivery.nack(requeue=how == "requeue")


def known(delivery: Delivery) -> object:
    told_ = told(delivery.body, delivery.exchange, delivery.routing_key, None, delivery.properties.headers)
    return told_, delivery.properties.priority, delivery.properties.expiration_ms


@pytest.mark.parametrize("seed", range(20))
async def test_a_broker_that_begins_again_has_what_one_that_never_stopped_has(tmp_path: Path, seed: int) -> None:
    dice = Dice(seed)
    topology = dice.topology()
    queues = [queue.name for queue in topology.queues]
    pair = Pair(tmp_path / "broker.db")
    for transport in (pair.lasting, pair.steady):
        await transport.connect()
        await transport.declare(topology)
    for number in range(STEPS):
        match dice.choice(["publish"] * 8 + ["get"] * 4 + ["settle"] * 4 + ["purge", "reopen"]):
            case "publish":
                messages = [dice.message(number * 10 + place, topology) for place in range(dice.randint(1, 4))]
                assert await pair.lasting.publish(messages) == await pair.steady.publish(messages)
            case "get":
                await pair.get(dice.choice(queues))
            case "settle" if pair.held:
                pair.settle(dice.randrange(len(pair.held)), dice.choice(["ack", "requeue", "reject"]))
            case "purge" if dice.random() < 0.3:
                queue = dice.choice(queues)
                assert await pair.lasting.purge(queue) == await pair.steady.purge(queue)
            case "reopen":
                while pair.held:
                    pair.settle(-1, dice.choice(["ack", "requeue", "reject"]))
                await pair.reopen()
        for queue in queues:
            assert await pair.lasting.inspect(queue) == await pair.steady.inspect(queue)
    # Taking one can uncover an expired one, which goes to a queue that was empty already.
    while any([await pair.get(queue) for queue in queues]):
        pass
    for _ in range(len(pair.held)):
        pair.settle(0, "ack")
    await pair.reopen()
    assert [await pair.lasting.get(queue) for queue in queues] == [None] * len(queues)
    await pair.lasting.close()
    await pair.steady.close()

"""Two routers on one PBX, one Redis and one RabbitMQ that is cut and begun again: one publishes, then the other one."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Literal

import pytest

from tests.contract.transport_rig import until
from tests.faults.broker_spoiler import come_back, go_away
from tests.faults.broker_transports import QUEUE, everything, transport_to
from tests.faults.emptied_queue import arrivals_in_order, emptied
from tests.faults.small_pbx import OPERATORS, SmallPbx
from tests.services.fixtures import StartRedis
from tests.services.rabbitmq_server import RabbitMqServer
from vss_router.broker.outbox import Outbox
from vss_router.event_fanout import TypedEvent
from vss_router.router import Router
from vss_router.settings import Settings

KEY = "operator.update"


class OneOfTwo:
    """A router, and the numbers of the events it told its own subscribers."""

    def __init__(self, router: Router) -> None:
        self.router = router
        self.told: set[int] = set()
        router.on_events(self._tell)

    def _tell(self, _source: str, events: list[TypedEvent]) -> None:
        self.told.update(seq for seq, key, _ in events if key == KEY)

    @property
    def outbox(self) -> Outbox:
        assert self.router._messaging is not None
        return self.router._messaging.outbox

    def state(self) -> str:
        return self.router._stores.writers()["main"].status().state

    def is_done(self, events: int) -> bool:
        return len(self.told) >= events and not self.outbox.stats.waiting_messages


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", ["lapin", "aio_pika"])
async def test_of_two_routers_one_publishes_whatever_happens_to_the_broker(
    server: RabbitMqServer, start_redis: StartRedis, tmp_path: Path, kind: Literal["lapin", "aio_pika"]
) -> None:
    redis, url = start_redis(), server.new_vhost()
    asking = transport_to(url, kind)
    await asking.connect()
    await asking.declare(everything("#"))
    await asking.close()

    async def work(pbx: SmallPbx, turn: int) -> None:
        for operator in OPERATORS:
            pbx.pause(operator, f"turn {turn}")
            await asyncio.sleep(0)

    async with SmallPbx() as pbx, AsyncExitStack() as ending:

        async def begun(name: str) -> OneOfTwo:
            settings = Settings(
                ami=[f"main=vss:s3cret@127.0.0.1:{pbx.port}"],
                http="127.0.0.1:0",
                redis=redis.url,
                database="none",
                data_dir=str(tmp_path / name),
                broker=url,
                broker_transport=kind,
            )
            one = OneOfTwo(Router(settings))
            await ending.enter_async_context(one.router)
            await one.router.synchronized()
            return one

        first = await begun("first")
        await until(lambda: first.state() == "writing")
        second = await begun("second")
        await until(lambda: second.state() == "standby")
        first.told.clear()
        second.told.clear()
        faults: list[Callable[[], object]] = [
            server.close_connections,
            lambda: go_away(server),
            lambda: come_back(server),
        ]
        for turn, fault in enumerate(faults):
            await work(pbx, turn)
            await asyncio.to_thread(fault)
            await work(pbx, 10 + turn)
        wanted = 6 * len(OPERATORS)
        await wait(lambda: first.is_done(wanted) and len(second.told) >= wanted)
        assert second.outbox.stats.accepted == 0, "the one that stands by publishes nothing"

        led = set(first.told)
        await first.router.stop()
        await wait(lambda: second.state() == "writing")
        second.told.clear()
        await work(pbx, 20)
        await wait(lambda: second.is_done(len(OPERATORS)))
        taken_over = set(second.told)
    arrived = await emptied(url, QUEUE)
    order = arrivals_in_order(arrived, "main")
    assert led <= set(order)
    assert taken_over <= set(order)
    assert {each.seq for each in arrived if b"turn 20" in each.body and each.key == KEY} == taken_over


async def wait(true: Callable[[], bool]) -> None:
    """Until it holds; connections are made again with a jittered back-off."""
    async with asyncio.timeout(90):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.02)

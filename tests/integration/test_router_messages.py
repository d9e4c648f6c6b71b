"""The router with its messages: what its events become, what comes in, what it says when the broker will not."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import msgspec
import pytest

from tests.services.rabbitmq_server import RabbitMqServer
from tests.services.redis_server import RedisServer
from vss_router.ami.replay import ReplayServer
from vss_router.broker.rpc.status_methods import HealthResult, OperatorParams, RowResult
from vss_router.errors import SettingsError, UnroutableError
from vss_router.events import AutodialLead, CallStart, Event, GacsExecute, PipelineEvent, SyncGap
from vss_router.router import Router
from vss_router.settings import Settings
from vss_router.status import OperatorRow

CAPTURE = Path(__file__).parents[1] / "data" / "asterisk-22.ami.gz"
WAIT_SECONDS = 45
LEAD = AutodialLead(lead_id="lead_5678", phone_number="+79991234567", campaign_id="c1", priority=10)


def settings_of(server: ReplayServer, **others: object) -> Settings:
    settings = Settings(ami=[f"main=router:right@127.0.0.1:{server.port}"], http="127.0.0.1:0", instance="here")
    return msgspec.structs.replace(settings, **others)


def client_of(router: Router) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=router.http_address or "", trust_env=False)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - states of threads and servers; nothing to wait for
        await asyncio.sleep(0.02)


async def heard_up_to(router: Router, heard: list[Event]) -> None:
    """Wait until the newest event of the board has been heard."""
    await until(lambda: bool(heard) and heard[-1].seq == router.boards["main"].seq)


def test_without_a_broker_there_are_no_messages_and_it_is_said_which_setting_is_why() -> None:
    router = Router.embedded(Settings(broker="none"))
    with pytest.raises(SettingsError, match='"broker" is none'):
        router.on("call.*")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [("password", "vss"), ("vhost", "/nowhere"), ("port", "127.0.0.1:1")],
)
async def test_a_broker_that_will_not_is_named_and_the_router_runs_on(
    rabbitmq: RabbitMqServer, caplog: pytest.LogCaptureFixture, wrong: str, named: str
) -> None:
    url = rabbitmq.new_vhost()
    vhost = url.rpartition("/")[2]
    match wrong:
        case "password":
            url = f"amqp://vss:wrong@127.0.0.1:{rabbitmq.port}/{vhost}"
        case "vhost":
            url = rabbitmq.url("/nowhere")
        case _:
            url = f"amqp://vss:x@127.0.0.1:1/{vhost}"
    async with (
        asyncio.timeout(WAIT_SECONDS),
        ReplayServer(CAPTURE) as server,
        Router(settings_of(server, broker=url)) as router,
        client_of(router) as client,
    ):
        await router.synchronized()
        metrics = (await client.get("/metrics")).text
        status = router.messaging.transport.status
    assert "vss_router_broker_connected 0.0" in metrics
    assert status.trouble is not None
    assert named in status.trouble
    reason = status.trouble.rstrip(".")
    assert len([line for line in caplog.messages if reason in line]) == 1
    assert "the broker cannot be used yet; it is tried again" in caplog.text
    assert "wrong@" not in caplog.text


@pytest.mark.parametrize("broker", ["embedded", "lapin", "aio_pika"])
async def test_every_typed_event_is_published_and_heard_in_order(broker: str, request: pytest.FixtureRequest) -> None:
    others: dict[str, object] = {}
    if broker != "embedded":
        rabbitmq: RabbitMqServer = request.getfixturevalue("rabbitmq")
        others = {"broker": rabbitmq.new_vhost(), "broker_transport": broker}
    told: list[tuple[int, str]] = []
    heard: list[tuple[int | None, str]] = []
    async with asyncio.timeout(WAIT_SECONDS), ReplayServer(CAPTURE, speed=None) as server:
        router = Router.embedded(settings_of(server, **others))
        router.on_events(lambda _source, events: told.extend((seq, key) for seq, key, _ in events))

        @router.on("#", prefetch=1000, timeout_seconds=10)
        async def hear(event: Event) -> None:
            heard.append((event.seq, event.event))

        async with router:
            await router.synchronized()
            await server.played()
            await until(lambda: len(heard) >= len(told))
            stats = router.messaging.outbox.stats
    assert heard == told
    assert {"call.start", "call.end", "operator.update", "queue.update", "sync.reconciled"} <= {key for _, key in told}
    assert (stats.dropped, stats.returned, stats.refused) == (0, 0, 0)


async def test_a_command_reaches_its_worker_once_and_the_reader_of_its_own_as_well() -> None:
    taken: list[AutodialLead] = []
    seen: list[AutodialLead] = []
    router = Router.embedded()

    @router.consumer("vss.autodial.leads", AutodialLead, prefetch=5)
    async def dial(lead: AutodialLead) -> None:
        taken.append(lead)

    @router.on("autodial.*", exchange="vss.commands")
    async def watch(lead: AutodialLead) -> None:
        seen.append(lead)

    async with asyncio.timeout(WAIT_SECONDS), router:
        await router.publish(LEAD)
        await until(lambda: bool(taken) and bool(seen))
        stats = {stats.queue: stats for stats in router.messaging.consumers.stats()}
    assert [lead.lead_id for lead in taken] == ["lead_5678"]
    assert taken[0].id is not None
    assert seen[0].id == taken[0].id
    assert stats["vss.autodial.leads"].handled == 1


async def test_what_no_queue_takes_is_told_to_whoever_publishes_it() -> None:
    async with asyncio.timeout(WAIT_SECONDS), Router.embedded() as router:
        await router.publish(PipelineEvent(event="pipeline.start", data={"pipeline_id": 1}))
        await router.messaging.transport.delete_queue("vss.gacs.commands")
        with pytest.raises(UnroutableError, match=r"gacs\.execute"):
            await router.publish(GacsExecute(slot_id=44, script_name="open_dialer_app", params={}))


async def test_a_router_that_starts_again_tells_first_from_where_on_it_may_have_missed_something(
    tmp_path: Path,
) -> None:
    heard: list[Event] = []
    last = 0
    for _ in range(2):
        async with asyncio.timeout(WAIT_SECONDS), ReplayServer(CAPTURE) as server:
            router = Router.embedded(settings_of(server, data_dir=str(tmp_path)))

            @router.on("#", name="all")
            async def hear(event: Event) -> None:
                heard.append(event)

            async with router:
                await router.synchronized()
                await heard_up_to(router, heard)
            if not last:
                assert heard[-1].seq is not None
                last = heard[-1].seq
                assert not any(isinstance(event, SyncGap) for event in heard)
                heard.clear()
    first = heard[0]
    assert isinstance(first, SyncGap)
    assert (first.from_seq, first.to_seq) == (last, first.seq)
    assert first.reason == "the router was started again"
    assert first.seq is not None
    assert first.seq > last


async def test_of_two_routers_on_one_pbx_one_publishes(rabbitmq: RabbitMqServer, redis_server: RedisServer) -> None:
    url = rabbitmq.new_vhost()
    heard: list[CallStart] = []
    listener = Router.embedded(Settings(broker=url, instance="listener"))

    @listener.on("call.start", prefetch=1000)
    async def hear(event: CallStart) -> None:
        heard.append(event)

    async with (
        asyncio.timeout(2 * WAIT_SECONDS),
        listener,
        ReplayServer(CAPTURE, speed=50) as server,
        ReplayServer(CAPTURE, speed=50) as again,
        Router.embedded(settings_of(server, broker=url, redis=redis_server.url)) as first,
    ):
        await until(lambda: first._stores.speaks("main") is True)
        async with Router.embedded(settings_of(again, broker=url, redis=redis_server.url)) as second:
            await asyncio.gather(first.synchronized(), second.synchronized())
            await asyncio.gather(server.played(), again.played())
            stats = second.messaging.ami.stats
            published = first.messaging.ami.stats.published
            await until(lambda: first.messaging.outbox.stats.waiting_messages == 0)
            starts = await first.messaging.transport.inspect("vss.call.events")
    assert (stats.published, stats.withheld > 0) == (0, True)
    assert published > 0
    assert starts is not None
    calls = [event.call_id for event in heard]
    assert len(calls) == len(set(calls))


async def test_a_program_without_a_pbx_leaves_questions_about_status_to_the_routers_that_have_one(
    rabbitmq: RabbitMqServer,
) -> None:
    url = rabbitmq.new_vhost()
    async with (
        asyncio.timeout(WAIT_SECONDS),
        Router.embedded(Settings(broker=url, instance="program")) as program,
        ReplayServer(CAPTURE) as server,
        Router.embedded(settings_of(server, broker=url)) as router,
    ):
        await router.synchronized()
        answers = [await program.call("health", result=HealthResult) for _ in range(6)]
    assert {answer.instance for answer in answers} == {"here"}


async def test_the_row_of_an_operator_is_asked_over_the_broker_as_over_rest() -> None:
    async with (
        asyncio.timeout(WAIT_SECONDS),
        ReplayServer(CAPTURE) as server,
        Router(settings_of(server)) as router,
        client_of(router) as client,
    ):
        await router.synchronized()
        answer = await router.call("status.operator", OperatorParams(id="1001"), result=RowResult)
        health = await router.call("health", result=HealthResult)
        queues = (await client.get("/api/rabbitmq/metrics")).json()["queues"]
        letters = (await client.get("/api/dead-letters", params={"queue": "vss.commands.failed"})).json()
    assert msgspec.json.decode(bytes(answer.row), type=OperatorRow).id == "PJSIP/1001"
    assert answer.source_of_truth == "memory"
    assert (health.instance, health.sources) == ("here", ["main"])
    assert queues["vss.call.events"]["consumerCount"] == 0
    assert letters["letters"] == []

"""The guide's own JavaScript, with amqplib, against the applied topology.

Nothing of it is changed but where the broker is, which virtual host the URL opens, and three lines that cannot run as
they stand: its consumer of dead letters names an exchange where a queue must stand, its handler of a failed GACS
command uses a name outside the block that declares it, and its `publishViaAPI` leaves out a field that RabbitMQ wants.
"""

import asyncio
import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from tests.interop.node import NodeFolder, installed
from tests.services.rabbitmq_server import RabbitMqServer
from tests.services.server_process import wait_until
from vss_router.broker.aio_pika import AioPikaTransport
from vss_router.broker.endpoint import parse_broker_url
from vss_router.broker.lapin import LapinTransport
from vss_router.broker.management import Management, parse_management_url
from vss_router.broker.message import Delivery
from vss_router.broker.provisioning import Provisioning
from vss_router.broker.vss_topology import vss_topology

if TYPE_CHECKING:
    from vss_router.broker.transport import Transport

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> NodeFolder:
    return installed(tmp_path_factory.mktemp("node"))


class Applied:
    """A virtual host with the topology applied, and what is in its queues."""

    def __init__(self, server: RabbitMqServer) -> None:
        self.server = server
        self.url = server.new_vhost("/vss")
        endpoint = parse_broker_url(self.url)

        async def applying() -> list[str]:
            async with Management(parse_management_url(server.management_url, endpoint)) as management:
                return (await Provisioning(management, endpoint, vss_topology()).apply()).faults

        assert asyncio.run(applying()) == []

    @property
    def environment(self) -> dict[str, str]:
        return {
            "RABBITMQ_URL": self.url,
            "RABBITMQ_API": self.server.management_url,
            "RABBITMQ_LOGIN": "vss:s3cret",
        }

    def messages(self, queue: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait for so many messages and take all out of a queue: `payload` decoded, `properties`, `routing_key`."""
        wanted = {"count": 100, "ackmode": "ack_requeue_false", "encoding": "auto"}
        rows: list[dict[str, Any]] = []

        def enough() -> bool:
            rows.extend(self.server.api("POST", f"queues/%2Fvss/{queue}/get", wanted))
            return len(rows) >= count

        wait_until(enough, f"{count} messages in {queue}")
        return [{**row, "payload": json.loads(row["payload"])} for row in rows]

    def are_settled(self, *queues: str) -> None:
        """Wait until nothing is ready in the queues and nothing is with a consumer that did not acknowledge it."""

        def empty() -> bool:
            rows = (self.server.api("GET", f"queues/%2Fvss/{queue}") for queue in queues)
            return all(row.get("messages") == 0 for row in rows)

        wait_until(empty, f"all of {', '.join(queues)} acknowledged")


@pytest.fixture
def applied(rabbitmq: RabbitMqServer) -> Applied:
    return Applied(rabbitmq)


def test_each_publisher_s_message_lies_in_the_queue_that_the_guide_names(node: NodeFolder, applied: Applied) -> None:
    said = node.run("publishers.js", **applied.environment)
    assert said.told_of("answer") == [[{"success": True, "message": "2 лидов добавлено в очередь"}]]
    (call,) = applied.messages("vss.call.events")
    assert call["payload"] | {"timestamp": ""} == {
        "event": "call.start",
        "timestamp": "",
        "call_id": "c_1234",
        "slot_id": 44,
        "phone_number": "+79991234567",
        "operator_id": "op1",
    }
    assert call["properties"] == {"delivery_mode": 2, "content_type": "application/json", "headers": {}}
    (slot,) = applied.messages("vss.slot.events")
    assert slot["payload"]["metadata"] == {"cpu_usage": 45.2, "ram_usage": 1024, "battery": 85}
    leads = applied.messages("vss.autodial.leads", 3)
    assert [(each["payload"]["lead_id"], each["properties"]["priority"]) for each in leads] == [
        ("lead_5678", 10),
        ("lead_1", 5),
        ("lead_2", 9),
    ]
    scripts = [each["payload"]["script_name"] for each in applied.messages("vss.gacs.commands", 2)]
    assert scripts == ["open_dialer_app", "broken_script"]
    alerts = [each["payload"]["severity"] for each in applied.messages("vss.system.alerts", 2)]
    assert alerts == ["warning", "critical"]
    assert applied.messages("vss.commands.failed", 0) == []


def test_each_consumer_gets_what_the_publishers_sent_and_acknowledges_it(node: NodeFolder, applied: Applied) -> None:
    with node.start("consumers.js", **applied.environment) as services:
        services.await_told("ready")
        node.run("publishers.js", **applied.environment)
        services.await_told("initiateCall", 3)
        services.await_told("executeGacsScript", 2)
        services.await_told("emit", 3)
        services.await_told("logCriticalAlert")
        services.await_told("query")
        applied.are_settled("vss.call.events", "vss.autodial.leads", "vss.gacs.commands", "vss.system.alerts")
    emitted = {name: (room, data) for room, name, data in services.told_of("emit")}
    assert emitted["call:started"][0] is None
    assert emitted["call:started"][1]["call_id"] == "c_1234"
    assert emitted["system:warning"][0] == "supervisors"
    assert emitted["system:warning"][1]["details"]["attempts"] == 5
    assert emitted["system:critical-alert"][0] == "admins"
    assert sorted(phone for _, phone in services.told_of("initiateCall")) == [
        "+79990000001",
        "+79990000002",
        "+79991234567",
    ]
    assert services.told_of("executeGacsScript")[0] == [
        44,
        "open_dialer_app",
        {"phone_number": "+79991234567", "auto_call": True},
    ]
    # The rejected command came back as a failed one, by its own consumer.
    ((insert, (command, data, error)),) = services.told_of("query")
    assert (insert, command, error) == ("INSERT INTO failed_commands", "gacs.execute", "Processing failed")
    assert json.loads(data)["script_name"] == "broken_script"


def test_a_rejected_command_lies_with_the_failed_ones_with_its_death_and_its_error(
    node: NodeFolder, applied: Applied
) -> None:
    applied.server.api("POST", "exchanges/%2Fvss/vss.commands/publish", gacs("broken_script"))
    with node.start("consumers.js", **applied.environment) as services:
        services.await_told("query")
        # It acknowledges after that; the news about the failure it leaves alone.
        queue = "queues/%2Fvss/vss.commands.failed"
        wait_until(lambda: applied.server.api("GET", queue).get("messages") == 1, "the failed command is acknowledged")
    (event,) = applied.messages("vss.commands.failed")
    assert event["routing_key"] == "gacs.failed"
    assert event["payload"] == {"slot_id": 45, "error": "no such window"}


def test_without_its_consumer_a_rejected_command_waits_with_its_death(node: NodeFolder, applied: Applied) -> None:
    applied.server.api("POST", "exchanges/%2Fvss/vss.commands/publish", gacs("broken_script"))
    wanted = {"count": 1, "ackmode": "reject_requeue_false", "encoding": "auto"}
    applied.server.api("POST", "queues/%2Fvss/vss.gacs.commands/get", wanted)
    (dead,) = applied.messages("vss.commands.failed")
    (death,) = dead["properties"]["headers"]["x-death"]
    assert (dead["routing_key"], dead["exchange"]) == ("command.failed", "vss.events")
    assert (death["queue"], death["reason"], death["routing-keys"]) == (
        "vss.gacs.commands",
        "rejected",
        ["gacs.execute"],
    )


def gacs(script: str) -> dict[str, Any]:
    command = {"command": "gacs.execute", "slot_id": 45, "script_name": script, "params": {}}
    return {
        "routing_key": "gacs.execute",
        "payload": json.dumps(command),
        "payload_encoding": "string",
        "properties": {"delivery_mode": 2},
    }


def test_a_lead_without_a_free_slot_comes_again_after_its_five_seconds(node: NodeFolder, applied: Applied) -> None:
    lead = {"command": "autodial.lead", "lead_id": "lead_1", "phone_number": "+79990000001"}
    body = {"routing_key": "autodial.lead", "payload_encoding": "string", "properties": {"delivery_mode": 2}}
    with node.start("consumers.js", BUSY="1", **applied.environment) as services:
        services.await_told("ready")
        applied.server.api("POST", "exchanges/%2Fvss/vss.commands/publish", {**body, "payload": json.dumps(lead)})
        services.await_told("initiateCall")
        applied.are_settled("vss.autodial.leads", "vss.call.events")
    assert services.output.count("Получен лид для автодозвона: lead_1") == 2
    assert "Нет свободных слотов" in services.output


def test_the_full_cycle_of_a_call(node: NodeFolder, applied: Applied) -> None:
    with node.start("cycle.js", "dci", **applied.environment) as dci:
        said = node.run("cycle.js", "ottb", **applied.environment)
        assert said.told_of("answer") == [[{"success": True, "call_id": "c_from_database"}]]
        assert dci.await_told("initiateSipCall") == [[44, "+79991234567"]]
        applied.are_settled("vss.call.events")
    (slot,) = applied.messages("vss.slot.events")
    assert slot["payload"] == {"slot_id": 44, "status": "busy", "current_call": "c_from_database"}
    with node.start("cycle.js", "workspace", **applied.environment) as workspace:
        node.run("cycle.js", "ottb", **applied.environment)
        workspace.await_told("emit", 2)
        applied.are_settled("vss.call.events")
    assert [(room, name) for room, name, _ in workspace.told_of("emit")] == [
        (None, "call:update"),
        ("op1", "call:personal-update"),
    ]


def test_the_guide_s_check_passes_all_its_points(node: NodeFolder, applied: Applied) -> None:
    said = node.run("test-rabbitmq.js", **applied.environment)
    assert [line for line in said.lines if line] == [
        "✅ Подключение успешно",
        "✅ Exchange vss.events существует",
        "✅ Exchange vss.commands существует",
        "✅ Queue vss.call.events существует",
        "✅ Тестовое сообщение опубликовано",
        "🎉 Все проверки пройдены!",
    ]
    # Its message is not looked for: amqplib drops what it was given just before `connection.close()`, on any queue.


def test_its_rest_functions_list_the_queues_and_publish(node: NodeFolder, applied: Applied) -> None:
    said = node.run("rest-api.js", **applied.environment)
    told = dict(said.told)
    assert set(told["queues"]) == {queue.name for queue in vss_topology().queues}
    # RabbitMQ wants to know how the payload is encoded, and the guide's function does not say it.
    assert told["as it stands"] == {"error": "bad_request", "reason": "[{key_missing,payload_encoding}]"}
    assert (told["routed"], told["unrouted"]) == ({"routed": True}, {"routed": False})
    assert told["metrics"] == {
        "exchanges": {},
        "queues": {
            "vss.call.events": {"messageCount": 1, "consumerCount": 0},
            "vss.slot.events": {"messageCount": 0, "consumerCount": 0},
            "vss.autodial.leads": {"messageCount": 0, "consumerCount": 0},
            "vss.gacs.commands": {"messageCount": 0, "consumerCount": 0},
        },
    }
    assert [each["payload"] for each in applied.messages("vss.call.events")] == [
        {"event": "call.start", "call_id": "c_1"}
    ]


def test_its_powershell_script_s_calls_find_everything(node: NodeFolder, applied: Applied) -> None:
    topology = vss_topology()

    def has_figures() -> bool:
        rows = applied.server.api("GET", "queues/%2Fvss")
        # Each of the two comes in its own time after a declaration.
        return len(rows) == len(topology.queues) and all({"messages", "consumers"} <= row.keys() for row in rows)

    wait_until(has_figures, "the queues' figures")
    said = node.run("verify-rabbitmq.js", **applied.environment)
    found = {line.strip().removeprefix("✓ ") for line in said.lines if "✓" in line}
    assert found == (
        {f"{each.name} [{each.kind}]" for each in topology.exchanges}
        | {f"{each.name} - Сообщений: 0, Потребителей: 0" for each in topology.queues}
        | {f"{each.exchange} → {each.queue} [{each.routing_key}]" for each in topology.bindings}
    )


@pytest.mark.parametrize("library", ["aio_pika", "lapin"])
async def test_our_consumers_get_what_the_guide_s_publishers_send_and_refuse_its_declarations_nothing(
    node: NodeFolder, rabbitmq: RabbitMqServer, library: str
) -> None:
    applied = await asyncio.to_thread(Applied, rabbitmq)
    endpoint = parse_broker_url(applied.url)
    transport: Transport
    if library == "aio_pika":
        transport = AioPikaTransport(endpoint, random=random.random)
    else:
        transport = LapinTransport(endpoint, random=random.random)
    seen: list[tuple[str, Any]] = []
    all_seen = asyncio.Event()

    def on_delivery(delivery: Delivery) -> None:
        seen.append((delivery.routing_key, json.loads(delivery.body)))
        delivery.ack()
        if len(seen) == 6:
            all_seen.set()

    await transport.connect()
    await transport.declare(vss_topology())
    for queue in ("vss.call.events", "vss.autodial.leads", "vss.gacs.commands"):
        await transport.consume(queue, on_delivery, prefetch=10)
    await transport.ready()
    await asyncio.to_thread(node.run, "publishers.js", **applied.environment)
    await asyncio.wait_for(all_seen.wait(), 60)
    assert sorted(key for key, _ in seen) == [
        "autodial.lead",
        "autodial.lead",
        "autodial.lead",
        "call.start",
        "gacs.execute",
        "gacs.execute",
    ]
    with await asyncio.to_thread(node.start, "consumers.js", **applied.environment) as services:
        await asyncio.to_thread(services.await_told, "ready")
    await transport.close()

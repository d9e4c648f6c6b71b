"""The embedded broker and its file: killed, full, growing, torn, in use, older than its reader."""

import asyncio
import os
import random
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.contract.transport_rig import (
    Arrivals,
    consumed,
    drained,
    eventually,
    got,
    outcomes,
    publish,
    ready_messages,
    to,
    to_queue,
    until,
    with_bindings,
    with_limits,
    with_queues,
)
from vss_router.broker.embedded import EmbeddedTransport
from vss_router.broker.message import Outcome
from vss_router.broker.topology import Exchange, Limits, Queue, Topology
from vss_router.errors import BrokerRefusedError, BrokerUnavailableError, TopologyError

PUBLISHER = """
import asyncio, pathlib, sys
from vss_router.broker.embedded import EmbeddedTransport
from vss_router.broker.message import Message, Outcome
from vss_router.broker.topology import Binding, Exchange, Queue, Topology

async def source(transport, name, first):
    for number in range(first, 1_000_000, 3):
        numbers = range(number, number + 3)
        messages = [Message("x", f"call.{name}", f"{name} {each}".encode()) for each in numbers]
        confirms = await transport.publish(messages)
        assert {confirm.outcome for confirm in confirms} == {Outcome.CONFIRMED}, confirms
        print("\\n".join(f"{name} {each}" for each in numbers), flush=True)

async def main():
    transport = EmbeddedTransport(pathlib.Path(sys.argv[1]))
    await transport.connect()
    await transport.declare(Topology(
        exchanges=(Exchange(name="x", kind="topic"),),
        queues=(Queue(name="all"), Queue(name="acked")),
        bindings=tuple(Binding(exchange="x", queue=queue, routing_key="call.#") for queue in ("all", "acked")),
    ))
    # One of the queues is consumed meanwhile, so that acks and publishes share commits.
    await transport.consume("acked", lambda delivery: delivery.ack(), prefetch=10)
    await asyncio.gather(*(source(transport, name, int(sys.argv[2])) for name in "abc"))

asyncio.run(main())
"""


async def opened(path: Path, **options: Any) -> EmbeddedTransport:
    transport = EmbeddedTransport(path, **options)
    await transport.connect()
    return transport


def killed_while_publishing(path: Path, first: int, lines: int) -> list[str]:
    """What a child was confirmed before it was killed."""
    command = [sys.executable, "-c", PUBLISHER, str(path), str(first)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        confirmed = [child.stdout.readline() for _ in range(lines)]
    finally:
        child.kill()
    with child.stdout:
        confirmed += child.stdout.readlines()
    child.wait(timeout=10)
    return [line.rstrip("\n") for line in confirmed if line.endswith("\n")]


async def test_no_confirmed_message_is_missing_after_kill_9_and_each_source_is_in_order(tmp_path: Path) -> None:
    path = tmp_path / "broker.db"
    moments = random.Random(5)
    confirmed: list[str] = []
    for turn in range(4):
        lines = moments.choice([1, 4, 50, 300, 700])
        confirmed += await asyncio.to_thread(killed_while_publishing, path, turn * 10_000, lines)
    transport = await opened(path)
    found = await drained(transport, "all")
    left = await drained(transport, "acked")
    await transport.close()
    assert set(confirmed) - set(found) == set()
    assert len(set(found)) == len(found)
    for name in "abc":
        numbers = [int(line.split()[1]) for line in found if line[0] == name]
        assert numbers == sorted(numbers)
        # What was settled and not written yet comes again: the last of them, in order, and nothing that never was.
        again = [int(line.split()[1]) for line in left if line[0] == name]
        assert again == sorted(again)
        assert set(again) <= set(numbers)


async def test_the_journal_does_not_grow_with_what_was_settled(tmp_path: Path) -> None:
    path = tmp_path / "broker.db"
    transport = await opened(path)
    await with_queues(transport, "a")
    arrivals, _ = await consumed(transport, "a", ack=True)
    for _ in range(30):
        await publish(transport, *to_queue("a", *("x" * 1_000 for _ in range(500))))
    await arrivals.take(15_000)
    await transport.close()
    assert path.stat().st_size < 5_000_000
    assert transport.journal is not None
    assert transport.journal.bytes_used < 500_000
    again = await opened(path)
    await ready_messages(again, "a", 0)
    await again.close()


async def test_a_full_disk_nacks_keeps_what_was_confirmed_and_takes_more_when_there_is_space(tmp_path: Path) -> None:
    path = tmp_path / "broker.db"
    transport = await opened(path, disk_bytes=400_000)
    await with_queues(transport, "a", "b")
    confirmed: list[str] = []
    for number in range(1_000):
        body = f"{number:04}" + "x" * 5_000
        confirm = (await transport.publish(to_queue("a", body)))[0]
        if confirm.outcome is not Outcome.CONFIRMED:
            assert confirm.outcome is Outcome.NACKED
            assert "is full" in confirm.reason
            break
        confirmed.append(body)
    assert 20 < len(confirmed) < 200
    assert "is full" in (transport.status.blocked or "")
    # Transient ones need no disk, and one that needs it does not take others along.
    mixed = [*to_queue("b", "transient", persistent=False), *to_queue("b", "x" * 100_000)]
    assert outcomes(await transport.publish(mixed)) == ["confirmed", "nacked"]
    await ready_messages(transport, "a", len(confirmed))
    assert await drained(transport, "b") == ["transient"]
    for body in confirmed[:10]:
        delivery = await got(transport, "a")
        assert delivery.body.decode() == body
        delivery.ack()

    last = "last" + "x" * 5_000
    await eventually(lambda: transport.publish(to_queue("a", last)), lambda told: outcomes(told) == ["confirmed"])
    await transport.close()
    again = await opened(path)
    assert await drained(again, "a") == [*confirmed[10:], last]
    assert again.status.blocked is None
    await again.close()


async def test_a_torn_journal_gives_back_what_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "broker.db"
    transport = await opened(path)
    await with_queues(transport, "a")
    bodies = [f"{number:05}" * 100 for number in range(2_000)]
    await publish(transport, *to_queue("a", *bodies))
    await transport.close()
    os.truncate(path, path.stat().st_size * 2 // 3)
    again = await opened(path)
    found = await drained(again, "a")
    await again.close()
    assert found == sorted(found)
    assert 100 < len(found) < 2_000
    assert set(found) <= set(bodies)


async def test_a_message_that_cannot_be_read_any_more_is_left_out_and_the_others_come(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "broker.db"
    transport = await opened(path)
    await with_queues(transport, "a")
    await publish(transport, *to_queue("a", "1", "2", "3"))
    await transport.close()
    with sqlite3.connect(path) as file:
        file.execute("UPDATE entry SET record = x'ff00' WHERE seq = 2")
    file.close()
    again = await opened(path)
    assert await drained(again, "a") == ["1", "3"]
    assert "cannot be read" in caplog.text
    await again.close()


async def test_a_journal_in_use_is_refused_with_a_sentence_and_connect_can_be_called_again(tmp_path: Path) -> None:
    path = tmp_path / "broker.db"
    first = await opened(path)
    second = EmbeddedTransport(path)
    with pytest.raises(BrokerRefusedError, match=r"the embedded broker cannot begin: the journal .* is in use"):
        await second.connect()
    assert (second.status.state, "in use" in (second.status.trouble or "")) == ("new", True)
    await first.close()
    await second.connect()
    status = second.status
    assert (status.state, status.trouble, status.connects) == ("ready", None, 1)
    await second.close()


async def test_before_connect_and_after_close_it_says_so() -> None:
    transport = EmbeddedTransport()
    assert outcomes(await transport.publish(to_queue("a", "1"))) == ["lost"]
    for ask in (transport.get, transport.inspect, transport.purge, transport.delete_queue):
        with pytest.raises(BrokerUnavailableError, match="not open yet"):
            await ask("a")
    await transport.declare(Topology(queues=(Queue(name="a"),)))
    arrivals = Arrivals()
    await transport.consume("a", arrivals, prefetch=1)
    await transport.connect()
    await transport.connect()
    await transport.ready()
    await publish(transport, *to_queue("a", "1"))
    assert (await arrivals.next()).body == b"1"
    await transport.close()
    await transport.close()
    for ask in (transport.get, transport.inspect, transport.purge, transport.delete_queue):
        with pytest.raises(BrokerUnavailableError, match="is closed"):
            await ask("a")
    with pytest.raises(BrokerUnavailableError, match="is closed"):
        await transport.ready()
    with pytest.raises(BrokerUnavailableError, match="is closed"):
        await transport.connect()


async def test_a_topology_refused_at_connect_is_the_trouble_it_reports(tmp_path: Path) -> None:
    path = tmp_path / "broker.db"
    first = await opened(path)
    await with_queues(first, "a")
    await first.close()
    again = EmbeddedTransport(path)
    await again.declare(
        Topology(exchanges=(Exchange(name="x", kind="topic"),), queues=(Queue(name="a", max_priority=3),))
    )
    await again.connect()
    assert "the queue a is there as durable, not as durable, x-max-priority=3" in (again.status.trouble or "")
    with pytest.raises(TopologyError, match="2 objects cannot be declared"):
        await again.declare(
            Topology(exchanges=(Exchange(name="x", kind="fanout"),), queues=(Queue(name="a", auto_delete=True),))
        )
    await again.close()


async def test_time_goes_on_while_it_is_closed(tmp_path: Path) -> None:
    now = [1_000_000.0]
    path = tmp_path / "broker.db"
    transport = await opened(path, clock=lambda: now[0])
    await with_queues(transport, "dead")
    await with_limits(transport, "a", ttl_ms=60_000, dead_letter="dead")
    await publish(transport, *to_queue("a", "1"), *to_queue("a", "2", expiration_ms=10_000))
    now[0] += 50
    assert await transport.inspect("a") is not None
    await ready_messages(transport, "a", 2)
    await transport.close()
    now[0] += 20
    again = await opened(path, clock=lambda: now[0])
    assert await drained(again, "dead") == ["1", "2"]
    await again.close()
    once_more = await opened(path, clock=lambda: now[0])
    assert (await drained(once_more, "a"), await drained(once_more, "dead")) == ([], [])
    await once_more.close()


async def test_deleted_queues_exclusive_ones_and_auto_delete_exchanges_do_not_come_back(tmp_path: Path) -> None:
    path = tmp_path / "broker.db"
    transport = await opened(path)
    await with_bindings(transport, "topic", {"a": ["#"], "b": ["#"]})
    await transport.declare(
        Topology(
            exchanges=(Exchange(name="temporary", kind="fanout", auto_delete=True),),
            queues=(Queue(name="c", exclusive=True),),
        )
    )
    await publish(transport, to("x", "k", "1"), *to_queue("c", "2"))
    await transport.delete_queue("a")
    await transport.close()
    again = await opened(path)
    assert [await again.inspect(name) is None for name in "abc"] == [True, False, True]
    assert outcomes(await again.publish([to("x", "k", "3", mandatory=True)])) == ["confirmed"]
    assert await drained(again, "b") == ["1", "3"]
    await again.close()


async def test_limits_given_by_policy_change_at_once_and_stay(tmp_path: Path) -> None:
    path = tmp_path / "broker.db"
    transport = await opened(path)
    await with_queues(transport, "a")
    await publish(transport, *to_queue("a", *"12345"))
    await transport.declare(Topology(queues=(Queue(name="a", limits=Limits(max_length=2)),)))
    await ready_messages(transport, "a", 2)
    await with_queues(transport, "a")  # whoever declares it bare does not take the policy away
    await transport.close()
    again = await opened(path)
    await publish(again, *to_queue("a", "6"))
    assert await drained(again, "a") == ["5", "6"]
    await again.close()


async def test_a_consumer_that_raises_gets_the_next_message_all_the_same() -> None:
    transport = EmbeddedTransport()
    await transport.connect()
    await with_queues(transport, "a")
    seen: list[bytes] = []
    troubles: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(context["exception"]))

    def consumer(delivery: Any) -> None:
        seen.append(delivery.body)
        if delivery.body == b"1":
            raise ValueError("of the consumer")
        delivery.ack()

    await transport.consume("a", consumer, prefetch=5)
    await publish(transport, *to_queue("a", "1", "2", "3"))
    await until(lambda: len(seen) == 3)
    assert seen == [b"1", b"2", b"3"]
    assert [type(trouble) for trouble in troubles] == [ValueError]
    await transport.close()


async def test_closing_while_it_opens_ends_it_and_leaves_the_journal_free(tmp_path: Path) -> None:
    path = tmp_path / "broker.db"
    transport = EmbeddedTransport(path)
    connecting = asyncio.create_task(transport.connect())
    await asyncio.sleep(0)
    await transport.close()
    with pytest.raises(BrokerUnavailableError, match="is closed"):
        await connecting
    again = await opened(path)
    await again.close()


async def test_a_cancelled_connect_can_be_repeated(tmp_path: Path) -> None:
    transport = EmbeddedTransport(tmp_path / "broker.db")
    connecting = asyncio.create_task(transport.connect())
    await asyncio.sleep(0)
    connecting.cancel()
    await asyncio.gather(connecting, return_exceptions=True)
    assert transport.status.state == "new"
    await transport.declare(Topology(queues=(Queue(name="a"),)))
    await transport.connect()
    await publish(transport, *to_queue("a", "1"))
    assert await drained(transport, "a") == ["1"]
    await transport.close()

"""Dead letters over HTTP: who may change them, what may be asked, and what the broker has afterwards."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.board_double import BoardDouble
from vss_router.api import build_app
from vss_router.api.dead_letters import DEAD_LETTERS_PREFIX
from vss_router.broker.dead_letters import DeadLetters
from vss_router.broker.embedded import EmbeddedTransport
from vss_router.broker.message import HeaderValue, Message, Outcome, Properties
from vss_router.broker.topology import Queue, Topology
from vss_router.status import MemoryReader

TOKEN = "secret"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
BODY = b'{"call_id": "c1", "phone_number": "+79991234567"}'


@pytest.fixture
async def broker() -> AsyncIterator[EmbeddedTransport]:
    transport = EmbeddedTransport()
    await transport.connect()
    await transport.declare(Topology(queues=(Queue(name="vss.parked"), Queue(name="vss.call.events"))))
    for number in range(5):
        headers: dict[str, HeaderValue] = {
            "x-failed-queue": "vss.call.events",
            "x-failed-reason": "why",
            "x-attempts": 8,
        }
        letter = Message("", "vss.parked", BODY, Properties(message_id=f"m/{number}", headers=headers))
        (confirm,) = await transport.publish([letter])
        assert confirm.outcome is Outcome.CONFIRMED
    yield transport
    await transport.close()


def client_of(broker: EmbeddedTransport | None, token: str | None = TOKEN) -> httpx.AsyncClient:
    boards = {"main": BoardDouble("main")}
    letters = None if broker is None else DeadLetters(broker)
    app: Any = build_app(MemoryReader(boards), boards=boards, token=token, dead_letters=letters)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://router", headers=AUTHORIZED if token else {}
    )


@pytest.fixture
async def client(broker: EmbeddedTransport) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(broker) as client:
        yield client


async def waiting(broker: EmbeddedTransport, queue: str = "vss.parked") -> int:
    counts = await broker.inspect(queue)
    return -1 if counts is None else counts.messages


@pytest.mark.parametrize("action", ["replay", "discard"])
class TestRefusals:
    async def test_without_a_token_in_the_settings_nobody_may(self, broker: EmbeddedTransport, action: str) -> None:
        async with client_of(broker, token=None) as client:
            answer = await client.post(f"{DEAD_LETTERS_PREFIX}/{action}", json={"all": True})
        assert (answer.status_code, answer.json()["type"]) == (403, "/schema#forbidden")
        assert await waiting(broker) == 5

    async def test_with_another_token_nobody_is_answered(self, client: httpx.AsyncClient, action: str) -> None:
        answer = await client.post(
            f"{DEAD_LETTERS_PREFIX}/{action}", json={"all": True}, headers={"Authorization": "Bearer other"}
        )
        assert answer.status_code == 401

    @pytest.mark.parametrize(
        ("body", "status", "field"),
        [
            ({}, 422, "ids"),
            ({"all": True, "ids": ["m/1"]}, 422, "ids"),
            ({"ids": "m/1"}, 422, "ids"),
            ({"ids": ["m"] * 1001}, 422, "ids"),
            ({"all": "yes"}, 422, "all"),
            ({"everything": True}, 422, "everything"),
        ],
    )
    async def test_a_body_that_says_nothing_clear_changes_nothing(
        self,
        client: httpx.AsyncClient,
        broker: EmbeddedTransport,
        action: str,
        body: dict[str, Any],
        status: int,
        field: str,
    ) -> None:
        answer = await client.post(f"{DEAD_LETTERS_PREFIX}/{action}", json=body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, field)
        assert await waiting(broker) == 5

    async def test_a_queue_that_is_not_there_is_not_found(self, client: httpx.AsyncClient, action: str) -> None:
        answer = await client.post(f"{DEAD_LETTERS_PREFIX}/{action}", json={"all": True, "queue": "nowhere"})
        assert (answer.status_code, answer.json()["detail"]) == (404, "No queue 'nowhere' is known.")

    async def test_without_a_broker_it_says_so(self, action: str) -> None:
        async with client_of(None) as client:
            answer = await client.post(f"{DEAD_LETTERS_PREFIX}/{action}", json={"all": True})
        assert (answer.status_code, answer.json()["type"]) == (503, "/schema#no-broker")
        assert answer.headers["retry-after"] == "5"


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "queue=a&queue=b"])
async def test_a_question_that_cannot_be_is_refused(client: httpx.AsyncClient, query: str) -> None:
    assert (await client.get(f"{DEAD_LETTERS_PREFIX}?{query}")).status_code == 422


async def test_a_broker_that_is_closed_is_told_as_unavailable(
    client: httpx.AsyncClient, broker: EmbeddedTransport
) -> None:
    await broker.close()
    answer = await client.get(DEAD_LETTERS_PREFIX)
    assert (answer.status_code, answer.json()["type"]) == (503, "/schema#no-broker")


async def test_letters_are_listed_and_stay(client: httpx.AsyncClient, broker: EmbeddedTransport) -> None:
    answer = await client.get(f"{DEAD_LETTERS_PREFIX}?limit=3")
    told = answer.json()
    assert (told["messages"], [letter["id"] for letter in told["letters"]]) == (5, ["m/0", "m/1", "m/2"])
    assert told["letters"][0]["reason"] == "why"
    assert answer.headers["cache-control"] == "no-store"
    assert await waiting(broker) == 5


async def test_a_letter_is_shown_by_its_id_whatever_stands_in_it(client: httpx.AsyncClient) -> None:
    found = await client.get(f"{DEAD_LETTERS_PREFIX}/m%2F3")
    assert (found.json()["letter"]["id"], found.json()["body"]) == ("m/3", BODY.decode())
    missing = await client.get(f"{DEAD_LETTERS_PREFIX}/m9")
    assert (missing.status_code, missing.json()["detail"]) == (404, "No letter 'm9' is known.")


async def test_chosen_letters_are_replayed(client: httpx.AsyncClient, broker: EmbeddedTransport) -> None:
    answer = await client.post(f"{DEAD_LETTERS_PREFIX}/replay", json={"ids": ["m/1", "gone"]})
    assert answer.json() == {"replayed": 1, "refused": 0, "missing": ["gone"], "trouble": None}
    assert (await waiting(broker), await waiting(broker, "vss.call.events")) == (4, 1)


async def test_letters_that_another_request_holds_are_found_when_it_has_ended(
    client: httpx.AsyncClient, broker: EmbeddedTransport
) -> None:
    replaying = asyncio.create_task(client.post(f"{DEAD_LETTERS_PREFIX}/replay", json={"ids": ["m/3", "m/4"]}))
    while await waiting(broker, "vss.call.events") < 1:  # noqa: ASYNC110
        await asyncio.sleep(0)  # until it holds those before, and waits to send the next
    listed, shown, discarded = await asyncio.gather(
        client.get(DEAD_LETTERS_PREFIX),
        client.get(f"{DEAD_LETTERS_PREFIX}/m%2F2"),
        client.post(f"{DEAD_LETTERS_PREFIX}/discard", json={"ids": ["m/2"]}),
    )
    assert (await replaying).json()["replayed"] == 2
    assert (listed.json()["messages"], [letter["id"] for letter in listed.json()["letters"]]) == (
        3,
        ["m/0", "m/1", "m/2"],
    )
    assert shown.status_code == 200
    assert discarded.json() == {"discarded": 1, "missing": []}


async def test_all_letters_are_discarded(client: httpx.AsyncClient, broker: EmbeddedTransport) -> None:
    answer = await client.post(f"{DEAD_LETTERS_PREFIX}/discard", json={"all": True})
    assert answer.json() == {"discarded": 5, "missing": []}
    assert (await waiting(broker), await waiting(broker, "vss.call.events")) == (0, 0)

"""`vss-router dlq` as a person runs it, against a RabbitMQ of its own."""

import asyncio
import io
import json
import random

import pytest

from tests.e2e.conftest import Ended, Run, RunHere
from tests.services.rabbitmq_server import RabbitMqServer
from vss_router.broker.endpoint import parse_broker_url
from vss_router.broker.lapin import LapinTransport
from vss_router.broker.message import HeaderValue, Message, Outcome, Properties
from vss_router.broker.topology import Queue, Topology

BODY = b'{"call_id":"c1","phone_number":"+79991234567"}'


@pytest.fixture
def broker(rabbitmq: RabbitMqServer) -> str:
    """The URL of a broker with five letters in `vss.parked`."""
    url = rabbitmq.new_vhost()
    asyncio.run(filled(url))
    return url


async def filled(url: str) -> None:
    transport = LapinTransport(parse_broker_url(url), random=random.random)
    await transport.connect()
    await transport.declare(Topology(queues=(Queue(name="vss.parked"), Queue(name="vss.call.events"))))
    headers: dict[str, HeaderValue] = {
        "x-origin-exchange": "vss.events",
        "x-origin-routing-key": "call.start",
        "x-failed-queue": "vss.call.events",
        "x-failed-reason": "the database does not answer",
        "x-attempts": 8,
    }
    letters = [Message("", "vss.parked", BODY, Properties(message_id=f"m{n}", headers=headers)) for n in range(5)]
    assert {confirm.outcome for confirm in await transport.publish(letters)} == {Outcome.CONFIRMED}
    await transport.close()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("list",), "no broker with dead letters: name one with --broker"),
        (("list", "--broker", "embedded"), "shows them at /api/dead-letters"),
        (("replay", "--broker", "amqp://localhost"), "name some with --id, or all with --all"),
        (("discard", "--broker", "amqp://localhost", "--id", "m1", "--all"), "and not both"),
        (
            ("discard", "--broker", "amqp://localhost", "--all"),
            "whether all of vss.parked may go for good: say so with",
        ),
        (("list", "--broker", "http://localhost"), "--broker"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_sentence(
    run_here: RunHere, arguments: tuple[str, ...], sentence: str
) -> None:
    run_here("dlq", *arguments).assert_one_sentence(sentence, code=2)


async def test_a_broker_that_does_not_answer_is_named(run: Run, free_port: int) -> None:
    ended = await run("dlq", "list", "--broker", f"amqp://127.0.0.1:{free_port}")
    assert (ended.code, "Traceback" in ended.err) == (1, False)
    assert f"127.0.0.1:{free_port}" in ended.err


@pytest.mark.slow
def test_letters_are_listed_shown_replayed_and_discarded(run_here: RunHere, broker: str) -> None:
    listed = run_here("dlq", "list", "--broker", broker, "--limit", 2)
    assert (listed.code, listed.err) == (0, "")
    assert "vss.parked: 5 messages, 2 shown." in listed.out
    assert "does not answer" in listed.out
    # Whole on one line however narrow the terminal, so that it can be copied into the other commands.
    assert [line.split("  ")[0] for line in listed.out.splitlines() if not line.startswith(" ")][:2] == ["m0", "m1"]
    as_json = run_here("dlq", "list", "--broker", broker, "--json")
    assert [letter["id"] for letter in json.loads(as_json.out)["letters"]] == ["m0", "m1", "m2", "m3", "m4"]

    shown = run_here("dlq", "show", "m3", "--broker", broker)
    assert (shown.code, BODY.decode() in shown.out, "message:" in shown.out) == (0, True, True)
    assert run_here("dlq", "show", "m9", "--broker", broker).code == 1

    replayed = run_here("dlq", "replay", "--broker", broker, "--id", "m0", "--id", "m4")
    assert (replayed.code, replayed.out) == (0, "vss.parked: 2 replayed, 0 stayed, 0 not found.\n")
    waiting = run_here("dlq", "list", "--broker", broker, "--queue", "vss.call.events", "--json")
    assert [letter["id"] for letter in json.loads(waiting.out)["letters"]] == ["m0", "m4"]
    missing = run_here("dlq", "replay", "--broker", broker, "--id", "m0")
    assert (missing.code, missing.out) == (1, "vss.parked: 0 replayed, 0 stayed, 1 not found.\n")

    discarded = run_here("dlq", "discard", "--broker", broker, "--all", "--yes")
    assert (discarded.code, discarded.out) == (0, "vss.parked: 3 discarded, 0 not found.\n")
    nowhere = run_here("dlq", "list", "--broker", broker, "--queue", "vss.nowhere")
    nowhere.assert_one_sentence("there is no queue vss.nowhere at the broker", code=1)


@pytest.mark.slow
def test_all_of_a_queue_is_discarded_only_after_a_yes_on_the_terminal(
    run_here: RunHere, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answering(answer: str) -> Ended:
        terminal = io.StringIO(answer)
        monkeypatch.setattr(terminal, "isatty", lambda: True)
        monkeypatch.setattr("sys.stdin", terminal)
        return run_here("dlq", "discard", "--broker", broker, "--all")

    for refusal in ("n\n", "\n", ""):
        kept = answering(refusal)
        assert (kept.code, "given up" in kept.err, kept.out.strip()) == (1, True, "")
        assert "Take all 5 messages of vss.parked away for good?" in kept.err
    assert "vss.parked: 5 messages, 1 shown." in run_here("dlq", "list", "--broker", broker, "--limit", 1).out
    discarded = answering("y\n")
    assert (discarded.code, f"{discarded.out.strip()}\n") == (0, "vss.parked: 5 discarded, 0 not found.\n")

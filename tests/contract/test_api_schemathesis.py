"""What the OpenAPI document promises, held against a running server by generated requests: reads, writes, odd ids.

`/stream` is left out: its answer has no end; tests/integration/test_api_stream.py reads it.
"""

import asyncio
import gzip
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from litestar import Litestar
from schemathesis.core import NOT_SET
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode

from tests.history_double import Past
from tests.link_status_double import link_status
from vss_router import StatusBoard
from vss_router.api import HttpServer, build_app
from vss_router.broker import Message, Properties, Queue, Topology
from vss_router.broker.dead_letters import DeadLetters
from vss_router.broker.embedded import EmbeddedTransport
from vss_router.broker.vss_topology import PARKED, vss_topology
from vss_router.status.cursor import Cursor
from vss_router.status.embedded_store import EmbeddedStore

TOKEN = "secret"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
CURSOR = Cursor("main", "").encode()
RECORDING = Path(__file__).parents[1] / "data" / "asterisk-22.ami.gz"
NOW = 1_800_000_000.0
EXAMPLES = 12
ODD_IDS = [
    "PJSIP/1001",
    "1001",
    "Local/1001@agents-00000003;1",
    "SIP/a//b",
    "/leading",
    "trailing/",
    "100% sure",
    "%2F",
    "two words",
    "Анна/1001",
    "a+b&c=d?e#f",
    "queue/support",
    "x" * 10_000,
    "ы" * 3_000,
]


class Agreeing:
    """A link whose board agrees with Asterisk."""

    async def resync(self, reason: str = "asked") -> dict[str, int]:
        return {}


def application() -> Litestar:
    board = StatusBoard("main", 1)
    board.feed(gzip.decompress(RECORDING.read_bytes()), NOW)
    boards = {"main": board}
    past = Past()
    store = EmbeddedStore(boards)
    return build_app(
        store,
        boards=boards,
        store=store,
        token=TOKEN,
        history=past,
        analytics=past,
        links=lambda: {"main": link_status()},
        comparing={"main": Agreeing()},
        inspector=BROKER,
        dead_letters=DeadLetters(BROKER),
    )


async def filled_broker() -> None:
    """The broker's queues, and dead letters that can be read and that cannot."""
    await BROKER.connect()
    await BROKER.declare(vss_topology())
    await BROKER.declare(Topology(queues=(Queue(name=PARKED),)))
    letters = [b'{"command":"autodial.lead"}', b"", b"\xff\x00 no JSON"]
    await BROKER.publish([Message("", PARKED, body, Properties(message_id=str(at))) for at, body in enumerate(letters)])


BROKER = EmbeddedTransport()
# Made while the tests are collected: each operation is a test of its own.
APP = application()
promised = schemathesis.openapi.from_dict(APP.openapi_schema.to_schema()).exclude(path_regex="/stream$")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server in a loop and thread of its own: generated requests come over real sockets."""
    server = HttpServer(APP, port=0, token=TOKEN)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="served")
    thread.start()
    asyncio.run_coroutine_threadsafe(filled_broker(), loop).result(10)
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
    yield server.url
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
    asyncio.run_coroutine_threadsafe(BROKER.close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


@promised.parametrize()
@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_operation_answers_as_the_document_says(case: schemathesis.Case[Any], url: str) -> None:
    assert case.meta is not None
    if case.meta.generation.mode is GenerationMode.POSITIVE:
        # What no schema can say: a cursor is one that was given out, and `from` lies before `to`.
        for name, value in {"cursor": CURSOR, "from": "2026-11-20T00:00:00Z", "to": "2026-11-21T00:00:00Z"}.items():
            if name in case.query:
                case.query[name] = value
        # Nor that letters are named by their ids or are all of them, and not both.
        if isinstance(case.body, dict) and "/dead-letters/" in case.path:
            case.body["all"] = not case.body.get("ids")
    asked = case.meta.components.get(ParameterLocation.HEADER)
    # A request meant to go without its token goes without it.
    headers = {} if asked is not None and asked.mode is GenerationMode.NEGATIVE else HEADERS
    case.call_and_validate(base_url=url, headers=headers)


@pytest.mark.parametrize("key", ODD_IDS, ids=lambda key: key[:20])
def test_every_operation_on_a_row_takes_any_id(key: str, url: str) -> None:
    operations: list[Any] = [each.ok() for each in promised.get_all_operations() if isinstance(each, Ok)]
    with_id = [each for each in operations if each.path_parameters]
    assert len(with_id) > 15
    for operation in with_id:
        names = [parameter.name for parameter in operation.path_parameters]
        case = operation.Case(path_parameters=dict.fromkeys(names, quote(key, safe="")), body=_body_of(operation))
        case.call_and_validate(base_url=url, headers=HEADERS)


def _body_of(operation: Any) -> Any:
    return {} if operation.method == "post" else NOT_SET

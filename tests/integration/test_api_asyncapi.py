"""The messages over HTTP: the AsyncAPI document, and a page that shows all of it and needs no other host."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.board_double import BoardDouble
from vss_router._core import __version__
from vss_router.api import build_app
from vss_router.broker.topology_view import topology_view
from vss_router.broker.vss_topology import vss_topology
from vss_router.events import MESSAGE_TYPES
from vss_router.events.asyncapi import asyncapi_document
from vss_router.settings import QueueOverride
from vss_router.status import MemoryReader

BOARDS = {"main": BoardDouble()}


def app(**options: Any) -> Litestar:
    return build_app(MemoryReader(BOARDS), boards=BOARDS, **options)


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient[Litestar]]:
    with TestClient(app()) as client:
        yield client


@pytest.fixture(scope="module")
def page(client: TestClient[Litestar]) -> str:
    answer = client.get("/asyncapi")
    assert answer.headers["content-type"].startswith("text/html")
    return answer.text


def test_the_document_is_that_of_the_topology(client: TestClient[Litestar]) -> None:
    answer = client.get("/asyncapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == asyncapi_document(topology_view(vss_topology()), version=__version__)


def test_the_document_tells_the_queues_as_the_settings_have_them() -> None:
    topology = topology_view(vss_topology({"vss.call.events": QueueOverride(max_length=7)}))
    with TestClient(app(topology=topology)) as client:
        told = client.get("/asyncapi.json").json()["channels"]["vss.call.events"]["description"]
    assert "with 7 messages the oldest goes" in told


def test_nobody_reads_them_without_the_token() -> None:
    with TestClient(app(token="t0ken")) as client:
        assert [client.get(path).status_code for path in ("/asyncapi.json", "/asyncapi")] == [401, 401]
        good = client.get("/asyncapi.json", headers={"Authorization": "Bearer t0ken"})
    assert good.status_code == 200


def test_the_page_needs_no_other_host(page: str) -> None:
    assert "<script" not in page
    assert re.findall(r"""(?:src|href)=['"]?(?:https?:)?//""", page) == []
    assert "@import" not in page


def test_the_page_shows_every_message_with_its_fields_and_an_example(page: str) -> None:
    document = asyncapi_document(topology_view(vss_topology()), version=__version__)
    for known in MESSAGE_TYPES:
        name = known.type.__name__
        [section] = re.findall(rf"<h2 id='shape-{name}'>(.*?)(?=<h2)", page, re.DOTALL)
        assert f"{known.pattern} on {known.exchange}" in section
        for field in document["components"]["schemas"][name]["properties"]:
            assert f"<td><code>{field}</code>" in section
        assert "<summary>Example</summary>" in section


def test_the_page_shows_every_queue_with_its_limits(page: str) -> None:
    for queue in vss_topology().queues:
        assert f"<td><code>{queue.name}</code>" in page
    assert "with 50000 messages no more is taken" in page


def test_every_link_inside_the_page_has_a_target(page: str) -> None:
    links = re.findall(r"href='#([^']+)'", page)
    assert len(links) > 20
    for target in links:
        assert f"id='{target}'" in page

"""A user's own AMI events: asked for by name, handed out as they came, holding nobody up."""

import asyncio
import gzip
import re
from pathlib import Path

import msgspec
import pytest

from vss_router._core import AmiMessage
from vss_router.ami.filter import EVENT_FILTERS, event_filters
from vss_router.ami.replay import ReplayServer
from vss_router.errors import SettingsError
from vss_router.router import Router
from vss_router.settings import Settings

CAPTURE = Path(__file__).parents[1] / "data" / "asterisk-22.ami.gz"
WAIT_SECONDS = 30


def router_for(server: ReplayServer) -> Router:
    return Router.embedded(Settings(ami=[f"router:right@127.0.0.1:{server.port}"]))


def recorded(name: str) -> int:
    return len(re.findall(rb"Event: %s\r\n" % name.encode(), gzip.decompress(CAPTURE.read_bytes())))


async def test_every_event_of_the_name_comes_whole_and_in_order_and_none_of_another() -> None:
    plain: list[AmiMessage] = []
    awaited: list[tuple[str, str | None]] = []
    async with asyncio.timeout(WAIT_SECONDS), ReplayServer(CAPTURE, speed=None) as server:
        router = router_for(server)

        @router.on_ami("newchannel")
        def seen(_source: str, event: AmiMessage) -> None:
            plain.append(event)

        @router.on_ami("Newchannel")
        async def waited(source: str, event: AmiMessage) -> None:
            await asyncio.sleep(0)
            awaited.append((source, event.get("Uniqueid")))

        async with router:
            await router.synchronized()
            await server.played()
    assert len(plain) > 10
    assert {event.name for event in plain} == {"Newchannel"}
    assert awaited == [("main", event.get("Uniqueid")) for event in plain]
    assert len(plain) <= recorded("Newchannel")


async def test_a_handler_that_raises_is_counted_and_takes_nothing_from_the_others() -> None:
    seen: list[str] = []
    async with asyncio.timeout(WAIT_SECONDS), ReplayServer(CAPTURE, speed=None) as server:
        router = router_for(server)

        @router.on_ami("Hangup")
        def broken(_source: str, _event: AmiMessage) -> None:
            raise RuntimeError("broken on purpose")

        router.on_ami("Hangup")(lambda _source, event: seen.append(event.name))
        async with router:
            await router.synchronized()
            await server.played()
            stats = {entry.name: entry for entry in router.subscribers()}
    assert set(seen) == {"Hangup"}
    failed = next(entry for name, entry in stats.items() if "broken" in name)
    assert failed.failed > 0
    assert failed.delivered == 0


async def test_asking_after_the_start_is_refused_with_the_way_out() -> None:
    async with asyncio.timeout(WAIT_SECONDS), ReplayServer(CAPTURE) as server, router_for(server) as router:
        with pytest.raises(SettingsError, match="before the router is started"):
            router.on_ami("UserEvent")


def test_what_is_asked_for_is_left_in_by_the_event_filter() -> None:
    assert event_filters(["UserEvent", "Newchannel"]) == EVENT_FILTERS
    assert "DTMF" not in event_filters(["dtmfend"])[0]
    assert "RTCP" in event_filters(["dtmfend"])[0]
    assert len(event_filters(["VarSet"])) == len(EVENT_FILTERS) - 1
    assert not any("security" in pattern for pattern in event_filters(["SuccessfulAuth"]))


def test_an_unused_router_watches_nothing() -> None:
    router = Router.embedded()
    assert msgspec.structs.asdict(router.settings)["ami"] == []
    assert router.subscribers() == []

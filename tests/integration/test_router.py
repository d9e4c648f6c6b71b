"""The router as a program embeds it: what it refuses, what its subscribers see, how it stops."""

import asyncio
from pathlib import Path

import httpx
import msgspec
import pytest

from vss_router.ami.replay import ReplayServer
from vss_router.data_folder import locked_folder
from vss_router.errors import AmiLoginError, ServeError, SettingsError
from vss_router.event_fanout import TypedEvent
from vss_router.router import Router
from vss_router.settings import Settings
from vss_router.status.rows import OperatorRow

CAPTURE = Path(__file__).parents[1] / "data" / "asterisk-22.ami.gz"
WAIT_SECONDS = 30


def settings_for(*servers: ReplayServer, **others: object) -> Settings:
    ami = [f"pbx{number}=router:right@127.0.0.1:{server.port}" for number, server in enumerate(servers, 1)]
    return msgspec.structs.replace(Settings(ami=ami, http="127.0.0.1:0"), **others)


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def test_two_pbxs_of_one_name_are_refused() -> None:
    with pytest.raises(SettingsError, match='two PBXs are called "main"'):
        Router(Settings(ami=["u:s@a", "main=u:s@b"]))


def test_an_address_open_to_others_without_a_token_is_refused() -> None:
    async def start() -> None:
        async with Router(Settings(ami=["u:s@127.0.0.1:1"], http="0.0.0.0:0")):
            pytest.fail("it started")

    with pytest.raises(SettingsError, match="http_token"):
        asyncio.run(start())


async def test_a_locked_data_folder_is_refused_before_anything_starts(tmp_path: Path) -> None:
    settings = Settings(ami=["u:s@127.0.0.1:1"], http="127.0.0.1:0", data_dir=str(tmp_path))
    with locked_folder(tmp_path):
        router = Router.from_settings(settings)
        with pytest.raises(ServeError, match="in use by the router"):
            await router.start()
    assert router.links == {}
    assert router.http_address is None


async def test_a_router_is_started_once() -> None:
    router = Router.embedded()
    await router.start()
    with pytest.raises(SettingsError, match="this router was started before: make another one"):
        await router.start()
    await router.stop()
    with pytest.raises(SettingsError, match="this router was started before: make another one"):
        await router.start()


def test_a_router_without_settings_takes_those_of_the_environment_and_of_the_file_named_there(tmp_path: Path) -> None:
    file = tmp_path / "vss.toml"
    file.write_text('http = "127.0.0.1:0"\ninstance = "second"\nbroker = "none"\n')
    environ = {"VSS_ROUTER_CONFIG": str(file), "VSS_ROUTER_INSTANCE": "first"}
    with pytest.raises(SettingsError, match="VSS_ROUTER_NOBODY"):
        Router.from_settings(environ={**environ, "VSS_ROUTER_NOBODY": "1"})
    assert Router.from_settings(environ=environ).settings.instance == "first"


async def test_a_first_login_that_is_refused_ends_serving_and_a_missing_pbx_does_not() -> None:
    stop = asyncio.Event()
    async with (
        asyncio.timeout(WAIT_SECONDS),
        ReplayServer(CAPTURE, secret="another") as server,
        Router.embedded(settings_for(server)) as router,
    ):
        with pytest.raises(AmiLoginError, match="Authentication failed"):
            await router.serve_until(stop)
    async with asyncio.timeout(WAIT_SECONDS), Router.embedded(Settings(ami=["u:s@127.0.0.1:1"])) as router:
        serving = asyncio.ensure_future(router.serve_until(stop))
        while router.status()["main"].trouble is None:  # noqa: ASYNC110 - a property; nothing to wait for
            await asyncio.sleep(0)
        assert not serving.done()
        stop.set()
        await serving


async def test_a_subscriber_that_raises_takes_nothing_from_the_others_or_from_the_board() -> None:
    seen: list[tuple[str, TypedEvent]] = []

    def broken(source: str, events: list[TypedEvent]) -> None:
        raise RuntimeError("broken on purpose")

    async with (
        asyncio.timeout(WAIT_SECONDS),
        ReplayServer(CAPTURE, speed=None) as server,
        Router(settings_for(server)) as router,
    ):
        router.on_events(broken)
        router.on_events(lambda source, events: seen.extend((source, event) for event in events))
        await router.synchronized()
        await server.played()
        stats = router.subscribers()[-2:]
        assert stats[0].failed > 0
        assert stats[0].delivered == 0
        assert stats[1].failed == 0
        assert router.status()["pbx1"].handler_errors == 0
        async with httpx.AsyncClient(base_url=router.http_address or "", trust_env=False) as client:
            metrics = (await client.get("/metrics")).text
        assert f'vss_router_handler_failed_total{{handler="{stats[0].name}"}} {stats[0].failed:.1f}' in metrics
    numbers = [event[0] for _, event in seen]
    assert numbers == sorted(set(numbers))
    assert {"call.start", "call.end", "operator.update", "queue.update"} <= {event[1] for _, event in seen}
    assert {source for source, _ in seen} == {"pbx1"}


async def test_two_pbxs_are_read_side_by_side_and_served_over_rest() -> None:
    async with (
        asyncio.timeout(WAIT_SECONDS),
        ReplayServer(CAPTURE) as first,
        ReplayServer(CAPTURE) as second,
        Router(settings_for(first, second)) as router,
    ):
        await router.synchronized()
        answer = router.memory.operator("1001", source="pbx2")
        assert answer is not None
        assert msgspec.json.decode(answer.body, type=OperatorRow).source == "pbx2"
        async with httpx.AsyncClient(base_url=router.http_address or "", trust_env=False) as client:
            either = await client.get("/api/queue-status/operators/1001")
            one = await client.get("/api/queue-status/operators/1001", params={"source": "pbx1"})
            both = await client.get("/api/queue-status/snapshot")
    assert either.status_code == 409
    assert one.json()["id"] == "PJSIP/1001"
    assert set(both.json()["sources"]) == {"pbx1", "pbx2"}


async def test_an_embedded_router_serves_no_rest_writes_nothing_and_keeps_its_rows_after_the_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    async with asyncio.timeout(WAIT_SECONDS), ReplayServer(CAPTURE) as server:
        router = Router.embedded(settings_for(server))
        async with router:
            await router.synchronized()
            assert router.http_address is None
        await router.stop()
    assert files_in(tmp_path) == []
    answer = router.memory.operator("1001")
    assert answer is not None
    assert answer.stale


async def test_an_embedding_program_that_set_up_no_logging_finds_nothing_on_its_stdout(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_source: str, events: list[TypedEvent]) -> None:
        raise ValueError(len(events))

    async with (
        asyncio.timeout(WAIT_SECONDS),
        ReplayServer(CAPTURE) as server,
        Router.embedded(settings_for(server)) as router,
    ):
        router.on_events(broken)
        await router.synchronized()
    assert capsys.readouterr().out == ""
    assert "a handler of events failed" in caplog.text

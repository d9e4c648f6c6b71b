"""The server in the router's own loop: ports, stopping, signals, and requests as sockets bring them."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
from litestar import Litestar, get

from tests.board_double import BoardDouble, operator
from vss_router.api import STATUS_PREFIX, HttpServer, build_app
from vss_router.errors import ServeError, SettingsError
from vss_router.status import MemoryReader


def application() -> Litestar:
    boards = {"main": BoardDouble(operators=[operator("PJSIP/1001"), operator("PJSIP/Анна")])}
    return build_app(MemoryReader(boards), boards=boards)


@pytest.fixture
async def server() -> AsyncIterator[HttpServer]:
    server = HttpServer(application(), port=0)
    await server.start()
    yield server
    await server.stop()


async def exchange(port: int, request: bytes) -> bytes:
    """One request as bytes, the answer up to the server's end of the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer


def request_for(path: str, method: str = "GET") -> bytes:
    return f"{method} {STATUS_PREFIX}/{path} HTTP/1.1\r\nHost: router\r\nConnection: close\r\n\r\n".encode()


async def test_a_free_port_is_found_and_answers(server: HttpServer) -> None:
    assert server.port != 0
    async with httpx.AsyncClient(base_url=server.url) as client:
        assert (await client.get(f"{STATUS_PREFIX}/operators/1001")).json()["id"] == "PJSIP/1001"


async def test_a_port_in_use_is_told_before_anything_else_starts(server: HttpServer) -> None:
    with pytest.raises(ServeError, match=f"HTTP cannot listen on 127.0.0.1:{server.port}: another program does"):
        await HttpServer(application(), port=server.port).start()


async def test_an_address_of_another_machine_is_told() -> None:
    with pytest.raises(ServeError, match=r"HTTP cannot listen on 192\.0\.2\.1:0: this machine has no such address"):
        await HttpServer(application(), host="192.0.2.1", port=0, token="t").start()


@pytest.mark.parametrize("port", [-1, 65_536, 70_000])
def test_a_port_that_cannot_be_is_refused(port: int) -> None:
    with pytest.raises(SettingsError, match=f"There is no port {port}"):
        HttpServer(application(), port=port)


async def test_an_application_that_fails_to_start_is_told() -> None:
    def fail() -> None:
        raise RuntimeError("no database")

    with pytest.raises(ServeError, match="could not start its application"):
        await HttpServer(Litestar(on_startup=[fail], logging_config=None, openapi_config=None), port=0).start()


async def test_after_stop_the_port_is_free_again() -> None:
    first = HttpServer(application(), port=0)
    port = await first.start()
    await first.stop()
    second = HttpServer(application(), port=port)
    assert await second.start() == port
    await second.stop()


async def test_stopping_twice_or_before_the_start_is_harmless() -> None:
    server = HttpServer(application(), port=0)
    await server.stop()
    await server.start()
    await server.stop()
    await server.stop()


async def test_a_request_under_way_is_answered_before_the_end() -> None:
    begun, finish = asyncio.Event(), asyncio.Event()

    @get("/slow")
    async def slow() -> str:
        begun.set()
        await finish.wait()
        return "done"

    server = HttpServer(Litestar([slow], logging_config=None, openapi_config=None), port=0)
    await server.start()
    async with httpx.AsyncClient(base_url=server.url) as client:
        asked = asyncio.create_task(client.get("/slow"))
        await begun.wait()
        stopping = asyncio.create_task(server.stop())
        await asyncio.sleep(0)
        finish.set()
        assert (await asked).text == "done"
        await stopping


async def test_signals_stay_with_who_runs_the_loop() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    server = HttpServer(application(), port=0)
    await server.start()
    during = {number: signal.getsignal(number) for number in before}
    await server.stop()
    assert during == before


async def test_ipv6_loopback_is_served_where_there_is_one() -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    server = HttpServer(application(), host="[::1]", port=0)
    try:
        await server.start()
    except ServeError:
        pytest.skip("this machine has no IPv6 loopback address")
    assert server.url == f"http://[::1]:{server.port}"
    async with httpx.AsyncClient(base_url=server.url) as client:
        assert (await client.get("/health")).status_code == 200
    await server.stop()


@pytest.mark.parametrize(
    "path",
    ["operators/PJSIP/1001", "operators/PJSIP%2F1001", "operators/PJSIP%2f1001", "operators/1001?source=main"],
)
async def test_an_id_arrives_as_it_was_sent(server: HttpServer, path: str) -> None:
    answer = await exchange(server.port, request_for(path))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'"id":"PJSIP/1001"' in answer


async def test_text_that_was_not_escaped_is_understood_all_the_same(server: HttpServer) -> None:
    answer = await exchange(server.port, request_for("operators/PJSIP/Анна"))
    assert answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 400 "))


@pytest.mark.parametrize("length", [10_000, 30_000])
async def test_an_id_of_any_length_is_answered(server: HttpServer, length: int) -> None:
    answer = await exchange(server.port, request_for("operators/" + "%d0%ab" * (length // 6)))
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"unknown-row" in answer


async def test_head_has_the_length_and_no_body(server: HttpServer) -> None:
    head, _, body = (await exchange(server.port, request_for("operators", "HEAD"))).partition(b"\r\n\r\n")
    assert b"content-length: " in head.lower()
    assert body == b""


async def test_a_request_that_is_no_http_ends_with_an_error(server: HttpServer) -> None:
    assert (await exchange(server.port, b"\x16\x03\x01nonsense\r\n\r\n")).startswith(b"HTTP/1.1 400 ")


async def test_the_answer_does_not_tell_what_serves_it(server: HttpServer) -> None:
    assert b"\r\nserver:" not in (await exchange(server.port, request_for("operators"))).lower()

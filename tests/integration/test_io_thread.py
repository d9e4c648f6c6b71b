"""The I/O thread ends whatever stands open in it, and a connection nobody waits for any more is closed."""

import asyncio
import queue
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.integration.scripted_asterisk import GREETING
from tests.integration.watched_link import QUICK, endpoint
from vss_router.ami.io_thread import IoThread
from vss_router.ami.ring import RING_BYTES
from vss_router.ami.session import AmiSession

PATIENCE = 10.0
"""Seconds that end a test which has failed."""


@contextmanager
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        yield server


def greeted(server: socket.socket) -> socket.socket:
    """Take the next connection and greet it; waits here, so that the main loop hears of nothing."""
    visitor, _ = server.accept()
    visitor.settimeout(PATIENCE)
    visitor.sendall(GREETING)
    return visitor


def has_nothing_to_do(io: IoThread) -> None:
    """Wait, with the main loop standing still, until the thread has done all it was asked."""
    left: queue.Queue[int] = queue.Queue()
    while True:
        io.call(lambda: left.put(len(asyncio.all_tasks())))
        if not left.get(timeout=PATIENCE):
            break
    # Once more: the last task's result is handed on in the turn after it.
    io.call(left.put, 0)
    left.get(timeout=PATIENCE)


def opening(io: IoThread) -> AmiSession:
    return AmiSession(
        "events",
        io,
        absorb=lambda _session, _item: None,
        timings=QUICK,
        encoding="utf-8",
        id_prefix="t-",
        ring_bytes=RING_BYTES,
    )


async def test_a_connection_that_stood_as_its_opening_was_cancelled_is_closed() -> None:
    io = IoThread()
    io.start()
    with listening() as server:
        session = opening(io)
        connecting = asyncio.create_task(session.connect(endpoint(server.getsockname()[1]), lambda: 0.0))
        await asyncio.sleep(0)
        with greeted(server) as visitor:
            has_nothing_to_do(io)
            connecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await connecting
            session.abandon("given up")
            assert await asyncio.to_thread(visitor.recv, 1) == b"", "it was left open"
    await io.stop()


async def test_the_thread_ends_with_a_connection_that_still_stands() -> None:
    io = IoThread()
    io.start()
    with listening() as server:
        session = opening(io)
        connecting = asyncio.create_task(session.connect(endpoint(server.getsockname()[1]), lambda: 0.0))
        with await asyncio.to_thread(greeted, server) as visitor:
            await connecting
            async with asyncio.timeout(PATIENCE):
                await io.stop()
            assert await asyncio.to_thread(visitor.recv, 1) == b""
            assert (await session.closed) == "its thread has ended"

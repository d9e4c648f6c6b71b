"""A manager connection of the test's own, beside the router's: lists are read and the call centre is stirred by it."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from vss_router import AmiAction, AmiDecoder
from vss_router._core import AmiMessage

ANSWER_SECONDS: Final = 20.0


class ManagerClient:
    """Logged in without events, so that everything that comes is an answer. One action at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._decoder = AmiDecoder()
        self._arrived: list[AmiMessage] = []
        self._numbers = itertools.count()
        self._turn = asyncio.Lock()

    async def ask(self, name: str, **headers: str) -> AmiMessage:
        """Run an action and give its answer."""
        async with self._turn, asyncio.timeout(ANSWER_SECONDS):
            action_id = self._send(name, headers)
            while True:
                message = await self._next()
                if message.kind == "response" and message.action_id == action_id:
                    return message

    async def listed(self, name: str) -> list[AmiMessage]:
        """Ask for a list and give its events, the one that ends it not included."""
        items: list[AmiMessage] = []
        async with self._turn, asyncio.timeout(ANSWER_SECONDS):
            action_id = self._send(name, {})
            while True:
                message = await self._next()
                if message.action_id != action_id:
                    continue
                if message.kind == "response":
                    assert message.name == "Success", f"{name}: {message.get('Message')}"
                elif message.get("EventList") == "Complete":
                    assert message.get("ListItems") == str(len(items)), f"{name} does not hold what it says"
                    return items
                else:
                    items.append(message)

    async def channels(self) -> list[AmiMessage]:
        return await self.listed("CoreShowChannels")

    def _send(self, name: str, headers: dict[str, str]) -> str:
        action_id = f"test-{next(self._numbers)}"
        self._writer.write(AmiAction(name, headers, action_id=action_id).encode())
        return action_id

    async def _next(self) -> AmiMessage:
        while not self._arrived:
            data = await self._reader.read(1 << 16)
            if not data:
                raise ConnectionError("Asterisk has ended the test's own manager connection")
            self._arrived = [*self._decoder.feed(data)]
        message = self._arrived.pop(0)
        if message.get("Message") == "Asterisk is shutting down":
            raise ConnectionError("Asterisk is shutting down")
        return message


@asynccontextmanager
async def manager_client(port: int, username: str, secret: str) -> AsyncIterator[ManagerClient]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        client = ManagerClient(reader, writer)
        answer = await client.ask("Login", Username=username, Secret=secret, Events="off")
        assert answer.name == "Success", answer.get("Message")
        yield client
    finally:
        writer.transport.abort()

"""A client of Server-Sent Events as browsers have one: messages by name, id and data."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

PATIENCE = 10.0


@dataclass(frozen=True)
class Message:
    event: str
    id: str
    data: Any


class SseClient:
    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.retry: int | None = None
        self.lines = answer.aiter_lines()

    async def next(self) -> Message:
        """The next message; raises StopAsyncIteration at the end of the stream."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE):
            while True:
                line = await anext(self.lines)
                name, _, value = line.partition(": ")
                if line.startswith(":"):
                    continue
                if name == "retry":
                    self.retry = int(value)
                elif line:
                    assert name not in fields, f"two {name} in one message"
                    fields[name] = value
                elif fields:
                    return Message(fields["event"], fields["id"], json.loads(fields["data"]))

    async def until(self, event: str, *, seq: int) -> list[Message]:
        """All messages up to the one that reaches `seq`."""
        told = [await self.next()]
        while told[-1].event != event or told[-1].data.get("seq_to", told[-1].data.get("seq")) < seq:
            told.append(await self.next())
        return told

    async def ended(self) -> bool:
        """Whether the server ended the stream in good order."""
        try:
            await self.next()
        except StopAsyncIteration:
            return True
        return False


@asynccontextmanager
async def streaming(url: str, **headers: str) -> AsyncIterator[SseClient]:
    """Read `url`; headers as `last_event_id="main:1"`."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(timeout=PATIENCE) as client, client.stream("GET", url, headers=sent) as answer:
        yield SseClient(answer)

"""A fake Asterisk whose every answer a test can replace: for the misbehaviour a recording does not hold."""

import asyncio
import hashlib
import socket
from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType
from typing import Self

GREETING = b"Asterisk Call Manager/11.0.0\r\n"

LISTS = {"coreshowchannels", "bridgelist", "queuestatus", "devicestatelist", "extensionstatelist", "agents"}

Script = Callable[["Visitor", dict[str, str]], Awaitable[None] | None]


def message(*headers: tuple[str, str]) -> bytes:
    return ("".join(f"{key}: {value}\r\n" for key, value in headers) + "\r\n").encode()


class Visitor:
    """One connection."""

    def __init__(self, server: "ScriptedAsterisk", writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.writer = writer
        self.reads_events = False
        self.logged_in = False
        self.deaf = False

    def send(self, *messages: bytes) -> None:
        if not self.deaf and not self.writer.is_closing():
            self.writer.write(b"".join(messages))

    def answer(self, action: dict[str, str], status: str = "Success", *headers: tuple[str, str]) -> None:
        self.send(message(("Response", status), ("ActionID", action.get("actionid", "")), *headers))

    def send_list(self, action: dict[str, str], rows: Iterable[bytes] = (), *, items: int | None = None) -> None:
        rows = list(rows)
        name, action_id = action["action"], action.get("actionid", "")
        self.answer(action, "Success", ("EventList", "start"), ("Message", f"{name} will follow"))
        self.send(*rows)
        self.send(
            message(
                ("Event", f"{name}Complete"),
                ("ActionID", action_id),
                ("EventList", "Complete"),
                ("ListItems", str(len(rows) if items is None else items)),
            )
        )

    def cut(self) -> None:
        self.writer.transport.abort()


class ScriptedAsterisk:
    """Answers as an idle Asterisk would; `script[action name in lower case]` takes the place of an answer."""

    def __init__(self, *, secret: str = "s3cret", greeting: bytes = GREETING, booted: bool = True) -> None:
        self.secret = secret
        self.greeting = greeting
        self.booted = booted
        self.script: dict[str, Script] = {}
        self.received: list[dict[str, str]] = []
        self.visitors: list[Visitor] = []
        self.connections = 0
        self.now = 1_700_000_000.0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        for visitor in list(self.visitors):
            visitor.cut()

    def asked(self, name: str) -> list[dict[str, str]]:
        return [action for action in self.received if action["action"].lower() == name.lower()]

    def publish(self, *headers: tuple[str, str]) -> None:
        for visitor in self.visitors:
            if visitor.reads_events:
                visitor.send(message(*headers))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        visitor = Visitor(self, writer)
        self.visitors.append(visitor)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        visitor.send(self.greeting)
        try:
            while True:
                block = await reader.readuntil(b"\r\n\r\n")
                lines = block.decode().strip().split("\r\n")
                action = {key.lower(): value for key, _, value in (line.partition(": ") for line in lines)}
                self.received.append(action)
                await self._run(visitor, action)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.visitors.remove(visitor)
            writer.close()

    async def _run(self, visitor: Visitor, action: dict[str, str]) -> None:
        name = action["action"].lower()
        scripted = self.script.get(name)
        if scripted is not None:
            done = scripted(visitor, action)
            if done is not None:
                await done
        else:
            self.usual(visitor, action)

    def usual(self, visitor: Visitor, action: dict[str, str]) -> None:
        """The answer of an idle Asterisk."""
        name = action["action"].lower()
        match name:
            case "challenge":
                visitor.answer(action, "Success", ("Challenge", "4711"))
            case "login":
                self._login(visitor, action)
            case "ping":
                visitor.answer(action, "Success", ("Ping", "Pong"), ("Timestamp", f"{self.now:.6f}"))
            case "coresettings":
                visitor.answer(action, "Success", ("AsteriskVersion", "22.10.1"))
            case "setvar":
                visitor.answer(action, "Success", ("Message", "Variable Set"))
                self.publish(
                    ("Event", "VarSet"),
                    ("Privilege", "dialplan,all"),
                    ("Channel", "none"),
                    ("Uniqueid", "none"),
                    ("Variable", action["variable"]),
                    ("Value", action["value"]),
                )
            case "logoff":
                visitor.answer(action, "Goodbye", ("Message", "Thanks for all the fish."))
                visitor.writer.close()
            case (
                "coreshowchannels" | "bridgelist" | "queuestatus" | "devicestatelist" | "extensionstatelist" | "agents"
            ):
                visitor.send_list(action)
            case _:
                visitor.answer(action, "Success", ("Message", "Success"))

    def _login(self, visitor: Visitor, action: dict[str, str]) -> None:
        key = hashlib.md5(b"4711" + self.secret.encode()).hexdigest()
        if self.secret not in {action.get("secret"), None} and action.get("key") != key:
            visitor.answer(action, "Error", ("Message", "Authentication failed"))
            visitor.writer.close()
            return
        visitor.logged_in = True
        visitor.reads_events = action.get("events") != "off"
        visitor.answer(action, "Success", ("Message", "Authentication accepted"))
        if visitor.reads_events and self.booted:
            visitor.send(message(("Event", "FullyBooted"), ("Privilege", "system,all"), ("Status", "Fully Booted")))


def refuse(visitor: Visitor, action: dict[str, str]) -> None:
    """A script: `Permission denied`."""
    visitor.answer(action, "Error", ("Message", "Permission denied"))


def ignore(visitor: Visitor, action: dict[str, str]) -> None:
    """A script: no answer at all."""

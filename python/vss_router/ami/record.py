"""A live manager session written to a file, with Asterisk's own lists in it, so that it can be verified and replayed.

The lists are asked on the same session as the events, all at once, right after the login, every `every` seconds and at
the end, under the ActionIDs `snap-<n>-<Action>` and `snap-end-<Action>`.
"""

import asyncio
import gzip
import hashlib
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import IO, Final, cast

import msgspec

from vss_router._core import AmiAction
from vss_router.ami.connection import tls_context
from vss_router.ami.endpoint import AmiEndpoint
from vss_router.ami.record_mask import NumberMask
from vss_router.errors import (
    AmiConnectionError,
    AmiError,
    AmiGreetingError,
    AmiLoginError,
    AmiTlsError,
    CaptureError,
    SettingsError,
)

__all__ = ["RECORDED_LISTS", "RecordSummary", "record"]

RECORDED_LISTS: Final = (
    "QueueStatus",
    "QueueSummary",
    "CoreShowChannels",
    "Status",
    "DeviceStateList",
    "ExtensionStateList",
    "Agents",
    "PJSIPShowEndpoints",
    "CoreStatus",
    "CoreSettings",
)
_CHUNK: Final = 64 * 1024
_GREETING: Final = b"Asterisk Call Manager/"
_BLANK: Final = re.compile(rb"\r?\n(?:\r?\n)+")


class RecordSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What was recorded: bytes of AMI, whole sets of lists, lists refused (by action), and whether the PBX ended it."""

    bytes: int
    sets: int
    refused: tuple[str, ...]
    closed_early: bool


async def record(
    endpoint: AmiEndpoint,
    path: str | Path,
    *,
    seconds: float,
    every: float = 20.0,
    mask: bool = False,
    mask_key: bytes | None = None,
    overwrite: bool = False,
    lists: Sequence[str] = RECORDED_LISTS,
    answer_seconds: float = 10.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> RecordSummary:
    """Record a PBX for `seconds` seconds into `path`, gzip if it ends in `.gz`.

    With `mask`, phone numbers are replaced (`record_mask.py`); `mask_key` makes several recordings agree. Every answer
    has to come within `answer_seconds`. When the PBX ends the session the recording ends there, and is kept: that is
    what a restart looks like.

    Raises
    ------
    SettingsError
        `seconds` or `every` is not above 0.
    CaptureError
        The file cannot be written, or is there already and `overwrite` is off.
    AmiConnectionError
        The PBX cannot be reached, is none (`AmiGreetingError`), TLS fails (`AmiTlsError`), or it fell silent.
    AmiLoginError
        It refused the login.
    """
    if seconds <= 0 or every <= 0:
        raise SettingsError("A recording needs a length and a time between lists above 0 seconds.")
    tape = _Tape(Path(path), overwrite, NumberMask(mask_key or secrets.token_bytes(32)) if mask else None)
    try:
        reader, writer = await _connect(endpoint, answer_seconds)
        try:
            recorder = _Recorder(endpoint, reader, writer, tape, lists, answer_seconds)
            return await recorder.run(seconds, every, clock, sleep)
        finally:
            writer.close()
    except AmiError:
        if not tape.holds_events:
            # Nothing but a greeting: left behind, it would only refuse the next attempt its name.
            tape.discard()
        raise
    finally:
        tape.close()


async def _connect(endpoint: AmiEndpoint, within: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    tls = tls_context(endpoint)
    try:
        async with asyncio.timeout(within):
            return await asyncio.open_connection(
                endpoint.host,
                endpoint.port,
                ssl=tls,
                server_hostname=(endpoint.server_name or endpoint.host) if tls else None,
            )
    except TimeoutError:
        raise AmiConnectionError(
            f"{endpoint.url} does not answer within {within:g} s: check the host, the port and the firewall"
        ) from None
    except OSError as error:
        if tls is not None and not isinstance(error, ConnectionRefusedError):
            raise AmiTlsError(
                f"{endpoint.url} does not agree on TLS ({error}): check the port, ca=… and server_name=…"
            ) from None
        raise AmiConnectionError(
            f"{endpoint.url} cannot be reached ({error.strerror or error}): check that Asterisk runs and "
            "manager.conf has enabled = yes"
        ) from None


class _Tape:
    """The file being written, message by message: what ends in the middle of one is left out."""

    def __init__(self, path: Path, overwrite: bool, mask: NumberMask | None) -> None:
        self._path = path
        self._mask = mask
        self._half = b""
        self._beyond_login = False
        self.written = 0
        mode = "wb" if overwrite else "xb"
        try:
            opened = gzip.open(path, mode) if path.suffix == ".gz" else path.open(mode)  # noqa: SIM115 - see close()
        except FileExistsError:
            raise CaptureError(f"{path} is there already: choose another name, or ask to overwrite it.") from None
        except OSError as error:
            raise CaptureError(f"{path} cannot be written ({error.strerror}): choose another place.") from None
        self._file = cast("IO[bytes]", opened)

    def greet(self, line: bytes) -> None:
        """Keep the greeting, the one message without a blank line after it."""
        self._keep(line)

    def write(self, chunk: bytes) -> list[bytes]:
        """Keep the messages that are whole now, and return them without their blank lines."""
        self._half += chunk
        ends = [(found.start(), found.end()) for found in _BLANK.finditer(self._half)]
        messages, start = [], 0
        for end, following in ends:
            messages.append(self._half[start:end])
            start = following
        self._keep(self._half[:start])
        self._beyond_login |= any(message.startswith(b"Event:") for message in messages)
        self._half = self._half[start:]
        return messages

    @property
    def holds_events(self) -> bool:
        """Whether the session got beyond its login."""
        return self._beyond_login

    def discard(self) -> None:
        """Leave no file behind."""
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """End the file."""
        self._file.close()

    def _keep(self, raw: bytes) -> None:
        kept = raw if self._mask is None else self._mask.mask(raw)
        self._file.write(kept)
        self.written += len(kept)


class _Recorder:
    """One session: asks, and writes down whatever comes until the last list is whole."""

    def __init__(
        self,
        endpoint: AmiEndpoint,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        tape: _Tape,
        lists: Sequence[str],
        answer_seconds: float,
    ) -> None:
        self._endpoint = endpoint
        self._reader = reader
        self._writer = writer
        self._tape = tape
        self._lists = lists
        self._answer_seconds = answer_seconds
        self._sets = 0
        self._refused: set[str] = set()
        self._answers: dict[str, asyncio.Future[bytes]] = {}

    async def run(
        self,
        seconds: float,
        every: float,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
    ) -> RecordSummary:
        await self._greet()
        reading = asyncio.create_task(self._read(), name="record")
        asking = asyncio.create_task(self._ask(seconds, every, clock, sleep), name="record lists")
        try:
            await asyncio.wait({reading, asking}, return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                await asking
            closed = not asking.done()
        finally:
            for task in (asking, reading):
                task.cancel()
            await asyncio.gather(asking, reading, return_exceptions=True)
        if closed and not self._sets:
            raise AmiConnectionError(
                f"{self._endpoint.url} closed the connection before the first lists were in: look at its log"
            )
        return RecordSummary(
            bytes=self._tape.written, sets=self._sets, refused=tuple(sorted(self._refused)), closed_early=closed
        )

    async def _greet(self) -> None:
        try:
            async with asyncio.timeout(self._answer_seconds):
                line = await self._reader.readline()
        except (TimeoutError, ValueError, OSError):
            line = b""
        if not line.startswith(_GREETING):
            raise AmiGreetingError(f"{self._endpoint.url} is not an Asterisk manager: check the port")
        self._tape.greet(line)

    async def _read(self) -> None:
        while True:
            try:
                chunk = await self._reader.read(_CHUNK)
            except OSError:
                return
            if not chunk:
                return
            for message in self._tape.write(chunk):
                self._take(message)

    def _take(self, message: bytes) -> None:
        is_response = message.startswith(b"Response:")
        if not is_response and b"\nEventList:" not in message:
            return
        fields = dict(line.partition(b": ")[::2] for line in message.replace(b"\r", b"").split(b"\n"))
        if is_response and fields.get(b"EventList") == b"start":
            return
        waiting = self._answers.pop(fields.get(b"ActionID", b"").decode(errors="replace"), None)
        if waiting is not None and not waiting.done():
            waiting.set_result(message)

    async def _ask(
        self,
        seconds: float,
        every: float,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
    ) -> None:
        await self._log_in()
        ends = clock() + seconds
        number = 1
        due = clock()
        await self._ask_lists(str(number))
        while (due := due + every) < ends:
            await sleep(max(due - clock(), 0))
            number += 1
            await self._ask_lists(str(number))
        await sleep(max(ends - clock(), 0))
        await self._ask_lists("end")

    async def _log_in(self) -> None:
        endpoint = self._endpoint
        secret = endpoint.secret.reveal()
        headers = [("Username", endpoint.username), ("Events", "on")]
        if endpoint.auth == "md5":
            answer = await self._answer("Challenge", "challenge", [("AuthType", "MD5")])
            found = re.search(rb"^Challenge: *(\S+)", answer, re.MULTILINE)
            challenge = found[1].decode() if found else ""
            key = hashlib.md5((challenge + secret).encode(), usedforsecurity=False).hexdigest()
            headers += [("AuthType", "MD5"), ("Key", key)]
        else:
            headers.append(("Secret", secret))
        answer = await self._answer("Login", "login", headers)
        if not answer.startswith(b"Response: Success"):
            found = re.search(rb"^Message: *([^\r\n]*)", answer, re.MULTILINE)
            said = found[1].decode(errors="replace") if found else "no reason given"
            raise AmiLoginError(
                f'{endpoint.url} refuses the login ("{said}"): check user, secret and the permit/deny lines of its '
                "section in manager.conf"
            )

    async def _ask_lists(self, number: str) -> None:
        ids = {f"snap-{number}-{action}": action for action in self._lists}
        answers = [self._expect(action_id) for action_id in ids]
        # All at once: the less time between them, the better they agree with each other.
        self._writer.write(b"".join(AmiAction(action, action_id=name).encode() for name, action in ids.items()))
        for answer, action in zip(answers, ids.values(), strict=True):
            if (await self._within(answer, action)).startswith(b"Response: Error"):
                self._refused.add(action)
        self._sets += 1

    async def _answer(self, action: str, action_id: str, headers: Sequence[tuple[str, str]]) -> bytes:
        answer = self._expect(action_id)
        self._writer.write(AmiAction(action, headers, action_id=action_id).encode())
        return await self._within(answer, action)

    def _expect(self, action_id: str) -> asyncio.Future[bytes]:
        answer = asyncio.get_running_loop().create_future()
        self._answers[action_id] = answer
        return answer

    async def _within(self, answer: asyncio.Future[bytes], action: str) -> bytes:
        try:
            async with asyncio.timeout(self._answer_seconds):
                return await answer
        except TimeoutError:
            raise AmiConnectionError(
                f"{self._endpoint.url} did not answer {action} within {self._answer_seconds:g} s: look at its load"
            ) from None

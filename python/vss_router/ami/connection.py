"""The socket of one AMI session, in the I/O thread: open it, check who answers, move its bytes, find it half open.

```
 open ──TCP, TLS──▶ greeting? ──"Asterisk Call Manager/"──▶ bytes into the ring ──▶ closed
                       └──anything else, or nothing──▶ AmiGreetingError
```

Nothing here waits for the main loop. Whether the link is half open is judged here too, by bytes that came after a
Ping went out: a busy main loop must not look like a dead PBX, nor hide one.
"""

import asyncio
import ssl
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, cast, final

from vss_router.ami.endpoint import AmiEndpoint
from vss_router.ami.ring import ByteRing
from vss_router.errors import AmiConnectionError, AmiGreetingError, AmiTlsError

__all__ = ["AmiWire", "open_wire", "tls_context"]

GREETING: Final = b"Asterisk Call Manager/"
_GREETING_BYTES: Final = 256
"""A greeting is some 30 bytes; whoever sends more without a line's end is somebody else."""
_PINGS_KEPT: Final = 16


@final
class AmiWire(asyncio.Protocol):
    """One open connection. All methods run in the I/O thread; attributes may be read anywhere."""

    def __init__(self, ring: ByteRing, clock: Callable[[], float]) -> None:
        self._ring = ring
        self._clock = clock
        self._transport: asyncio.Transport | None = None
        self._head: bytearray | None = bytearray()
        self._cut_reason: str | None = None
        self._ping_prefix = ""
        self._ping_number = 0
        self._ping_seconds = self._pong_seconds = 0.0
        self.greeted: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.heard = time.monotonic()
        """When the last byte came (monotonic)."""
        self.busy_until = 0.0
        """Until when an action may keep Asterisk from answering a Ping (monotonic)."""
        self.pings: OrderedDict[str, float] = OrderedDict()
        """When the last Pings went out (clock), by ActionID."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The protocol's part: the socket is open."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Bytes came; the first ones must be a greeting."""
        self.heard = time.monotonic()
        if self._head is None:
            self._ring.put(data, self._clock())
            return
        self._head += data
        line, ended, _ = bytes(self._head).partition(b"\n")
        if not GREETING.startswith(line[: len(GREETING)]) or (not ended and len(line) > _GREETING_BYTES):
            self._refuse_greeting(f'greets with "{_shown(line)}"')
        elif ended and line.startswith(GREETING):
            head, self._head = bytes(self._head), None
            self._ring.put(head, self._clock())
            self.greeted.set_result(line.decode("ascii", "replace").strip())
        elif ended:
            self._refuse_greeting(f'greets with "{_shown(line)}"')

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone: the ring's reader will find out why."""
        reason = self._cut_reason or (f"the connection broke: {exc}" if exc else "Asterisk closed the connection")
        if not self.greeted.done():
            self._refuse_greeting("closed the connection before it greeted")
        self._transport = None
        self._ring.close(reason)

    def write(self, data: bytes) -> None:
        """Send; what cannot be sent at once waits in the transport."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def send_action(self, data: bytes, busy_until: float) -> None:
        """Send an action that may keep Asterisk busy until then (monotonic)."""
        self.busy_until = max(self.busy_until, busy_until)
        self.write(data)

    def cut(self, reason: str) -> None:
        """End the connection now; `reason` is what the reader of the ring will find."""
        self._cut_reason = self._cut_reason or reason
        if self._transport is not None:
            self._transport.abort()

    def start_pings(self, prefix: str, ping_seconds: float, pong_seconds: float) -> None:
        """Ping every `ping_seconds`; cut when no byte comes within `pong_seconds` of one."""
        self._ping_prefix, self._ping_seconds, self._pong_seconds = prefix, ping_seconds, pong_seconds
        self._ping()

    def _ping(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._ping_number += 1
        action_id = f"{self._ping_prefix}{self._ping_number}"
        self.pings[action_id] = self._clock()
        if len(self.pings) > _PINGS_KEPT:
            self.pings.popitem(last=False)
        self.write(f"Action: Ping\r\nActionID: {action_id}\r\n\r\n".encode())
        self._later(self._pong_seconds, self._check, time.monotonic())

    def _check(self, sent: float) -> None:
        if self._transport is None:
            return
        if self.heard > sent:
            self._later(self._ping_seconds, self._ping)
        elif (wait := self.busy_until - time.monotonic()) > 0:
            self._later(wait + self._pong_seconds, self._check, sent)
        else:
            self.cut(f"no byte for {self._pong_seconds:g} s after a Ping: the connection is half open")

    def _later(self, seconds: float, callback: Callable[..., None], *args: float) -> None:
        asyncio.get_running_loop().call_later(seconds, callback, *args)

    def _refuse_greeting(self, how: str) -> None:
        if not self.greeted.done():
            self.greeted.set_exception(AmiGreetingError(how))
        self.cut(how)


async def open_wire(
    endpoint: AmiEndpoint,
    ring: ByteRing,
    tls: ssl.SSLContext | None,
    *,
    connect_seconds: float,
    greeting_seconds: float,
    clock: Callable[[], float],
) -> AmiWire:
    """Connect and read the greeting; runs in the I/O thread.

    Raises
    ------
    AmiConnectionError
        Nobody answers there; `AmiTlsError` when TLS fails, `AmiGreetingError` when it is no Asterisk.
    """
    where = endpoint.url
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(connect_seconds):
            _, wire = await loop.create_connection(
                lambda: AmiWire(ring, clock),
                endpoint.host,
                endpoint.port,
                ssl=tls,
                server_hostname=(endpoint.server_name or endpoint.host) if tls else None,
            )
    except TimeoutError as error:
        raise AmiConnectionError(
            f"{where} does not answer within {connect_seconds:g} s: check the host, the port and the firewall"
        ) from error
    except ssl.SSLCertVerificationError as error:
        raise AmiTlsError(
            f"the certificate of {where} does not verify ({error.verify_message}): "
            f"name its authority's file with ca=…, or the name it carries with server_name=…"
        ) from error
    except (ssl.SSLError, ConnectionResetError) as error:
        if tls is None:
            raise AmiConnectionError(f"{where} breaks the connection: check that its manager listens there") from error
        reason = getattr(error, "reason", None) or error
        raise AmiTlsError(
            f"{where} does not agree on TLS ({reason}): give the port of tlsbindaddr, or ami:// for a plain one"
        ) from error
    except ConnectionRefusedError as error:
        raise AmiConnectionError(
            f"{where} refuses the connection: check that Asterisk runs and manager.conf has enabled = yes"
        ) from error
    except (OSError, UnicodeError) as error:  # UnicodeError: a host with an empty or overlong part
        reason = getattr(error, "strerror", None) or error
        raise AmiConnectionError(f"{where} cannot be reached: {reason}") from error
    try:
        async with asyncio.timeout(greeting_seconds):
            await wire.greeted
    except TimeoutError as error:
        wire.cut("no greeting")
        way_out = "check the port" if tls else "check the port, and write amis:// if it is the one for TLS"
        raise AmiGreetingError(f"{where} sends no greeting within {greeting_seconds:g} s: {way_out}") from error
    except AmiGreetingError as error:
        raise AmiGreetingError(f"{where} is not an Asterisk manager, it {error}: check the port") from error
    except asyncio.CancelledError:
        wire.cut("given up")
        raise
    return wire


def tls_context(endpoint: AmiEndpoint) -> ssl.SSLContext | None:
    """The TLS settings of an endpoint, or None for a plain one.

    Raises
    ------
    AmiTlsError
        The file of `ca` holds no certificate.
    """
    if not endpoint.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=endpoint.ca)
    except (ssl.SSLError, OSError) as error:
        raise AmiTlsError(f"the file {endpoint.ca} that ca=… names for {endpoint.url} holds no certificate") from error
    if endpoint.ca:
        # PBXs sign for themselves, with tools that leave out what the strict profile of RFC 5280 asks for.
        context.verify_flags &= ~ssl.VerifyFlags.VERIFY_X509_STRICT
    return context


def _shown(line: bytes) -> str:
    text = line[:60].decode("ascii", "replace").strip()
    return "".join(char if char.isprintable() else "?" for char in text)

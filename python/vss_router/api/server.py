"""The HTTP server, inside the router's own event loop: uvicorn without its signals, its logging and its exit."""

import asyncio
import contextlib
import errno
import ipaddress
import logging
import re
import socket
from collections.abc import Awaitable
from typing import Any, Final, cast, final

import uvicorn
from litestar.types import ASGIApp, Receive, Scope, Send

from vss_router.api.event_stream import CLOSING
from vss_router.errors import ServeError, SettingsError

__all__ = ["HttpServer", "check_bind", "is_loopback"]

GRACE_SECONDS: Final = 5
"""How long requests under way may still take when the server stops."""
KEEP_ALIVE_SECONDS: Final = 75
"""How long an idle connection stays; a wallboard that asks once a minute keeps its own."""
BACKLOG: Final = 2048

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]+")
"""What a bearer token may consist of (RFC 6750, 2.1)."""

_log = logging.getLogger(__name__)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address; of names only `localhost` is taken to be one."""
    bare = host.removeprefix("[").removesuffix("]")
    if bare.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def check_bind(host: str, token: str | None) -> None:
    """Refuse to show telephone numbers to a network that nobody meant to show them to.

    Raises
    ------
    SettingsError
        The address is not loopback and there is no token, or the token could never be sent.
    """
    if token is not None and not _TOKEN.fullmatch(token):
        raise SettingsError(
            "The setting http_token cannot be sent in a header: use one or more letters, digits and `-._~+/=` only."
        )
    if token is None and not is_loopback(host):
        raise SettingsError(
            f"HTTP may not listen on {host or 'all addresses'} without a token, because others could read it there: "
            "set http_token, or use 127.0.0.1."
        )


@final
class HttpServer:
    """Serves `app` from `start` to `stop`; the caller's event loop does the work, the caller handles signals.

    Parameters
    ----------
    app
        Any ASGI application, as `build_app` makes one.
    host, port
        Where to listen; port 0 takes a free one.
    token
        Only looked at by `check_bind`; the application asks for it.
    access_log
        Log each request (logger `uvicorn.access`).
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str = "127.0.0.1",
        port: int = 3000,
        token: str | None = None,
        access_log: bool = False,
    ) -> None:
        check_bind(host, token)
        if not 0 <= port <= 65_535:
            # getaddrinfo would take the number modulo 65 536.
            raise SettingsError(
                f"There is no port {port} for HTTP to listen on: choose 1 to 65535, or 0 for a free one."
            )
        self._host = host.removeprefix("[").removesuffix("]")
        self._port = port
        self._listening: socket.socket | None = None
        self._loop: asyncio.Task[None] | None = None

        def told_of_the_end(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
            # Streams end by themselves when they hear of it; nothing else would ever end them.
            cast("dict[str, Any]", scope)[CLOSING] = self._closing
            return app(scope, receive, send)

        self._server = uvicorn.Server(
            uvicorn.Config(
                told_of_the_end,
                interface="asgi3",
                access_log=access_log,
                log_config=None,
                ws="none",
                server_header=False,
                proxy_headers=False,
                backlog=BACKLOG,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )

    @property
    def port(self) -> int:
        """The port that is listened on; before `start`, the one asked for."""
        return self._port

    @property
    def url(self) -> str:
        """The address for a browser on this machine."""
        reachable = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(self._host, self._host)
        return f"http://{f'[{reachable}]' if ':' in reachable else reachable}:{self._port}"

    async def start(self) -> int:
        """Listen and answer; the port is the return value. A server starts once.

        Raises
        ------
        ServeError
            The address cannot be listened on, or the application refused to start.
        """
        listening = await _listen(self._host, self._port)
        server = self._server
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        try:
            # What `Server.serve` does, without its signal handlers, and with failures that reach the caller.
            await server.startup(sockets=[listening])
        except SystemExit as error:
            listening.close()
            raise ServeError("The HTTP interface could not start its application: the log says why.") from error
        except BaseException:
            listening.close()
            raise
        self._listening = listening
        self._port = listening.getsockname()[1]
        self._loop = asyncio.create_task(server.main_loop(), name="http-server")
        return self._port

    def _closing(self) -> bool:
        return self._server.should_exit

    async def stop(self) -> None:
        """Take no more connections, let requests under way end for up to 5 s, close the rest."""
        if self._listening is None or self._loop is None:
            return
        listening, self._listening = self._listening, None
        self._server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await self._loop
        await self._server.shutdown(sockets=[listening])


async def _listen(host: str, port: int) -> socket.socket:
    shown = f"{f'[{host}]' if ':' in host else host}:{port}"
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise ServeError(
            f"HTTP cannot listen on {shown}: no such address ({error}); name one of this machine."
        ) from error
    # A name such as localhost stands for both families; IPv4 is what people type.
    family, kind, protocol, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        # Only listening shows that no one else does: two may bind with SO_REUSEADDR.
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise ServeError(_why_not(shown, error)) from error
    return listening


def _why_not(shown: str, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"HTTP cannot listen on {shown}: another program does; stop it, or choose another port with --http."
        case errno.EACCES:
            return f"HTTP cannot listen on {shown}: the system does not allow it; choose a port above 1023 with --http."
        case errno.EADDRNOTAVAIL:
            return f"HTTP cannot listen on {shown}: this machine has no such address; choose one it has with --http."
        case _:
            return f"HTTP cannot listen on {shown}: {error.strerror or error}; choose another address with --http."

"""The listening socket of the fake Asterisk, which can refuse for a while and keep its port."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final

from vss_router.errors import ServeError

__all__ = ["Listener"]

_BACKLOG: Final = 100


class Listener:
    """Listens on one address. `connected` gets the streams of each connection.

    Raises
    ------
    ServeError
        The address cannot be listened on (from `open`).
    """

    def __init__(
        self,
        host: str,
        port: int,
        ssl_context: ssl.SSLContext | None,
        connected: Callable[[asyncio.StreamReader, asyncio.StreamWriter], None],
    ) -> None:
        self.port = port
        self._host = host
        self._ssl = ssl_context
        self._connected = connected
        self._family = socket.AF_INET
        self._address: tuple[Any, ...] = ()
        self._held: socket.socket | None = None
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Take connections, on the same port as before if there was one."""
        if self._server is not None:
            return
        held = self._held or await self._bind()
        self._held = None
        self._server = await asyncio.start_server(self._connected, sock=held, ssl=self._ssl, backlog=_BACKLOG)

    def refuse(self) -> None:
        """Refuse connections from now on. The port stays ours: it is bound, but nobody listens on it."""
        self._stop()
        if self._held is None:
            self._held = self._bound(self._family, self._address)

    def close(self) -> None:
        """Stop for good."""
        self._stop()
        if self._held is not None:
            self._held.close()
            self._held = None

    def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _bind(self) -> socket.socket:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                self._host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            self._family, *_, self._address = found[0]
            bound = self._bound(self._family, self._address)
        except OSError as error:
            raise ServeError(
                f"Port {self.port} on {self._host} cannot be listened on ({error.strerror}): "
                "stop what uses it or choose another with --listen."
            ) from None
        self.port = bound.getsockname()[1]
        self._address = (self._address[0], self.port, *self._address[2:])
        return bound

    def _bound(self, family: int, address: tuple[Any, ...]) -> socket.socket:
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.setblocking(False)
            made.bind(address)
        except OSError:
            made.close()
            raise
        return made

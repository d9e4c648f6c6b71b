"""One method that a server has: what it takes, what runs, for how long."""

from collections.abc import Awaitable, Callable
from typing import Any, final

import msgspec

from vss_router.errors import AmbiguousSourceError, RpcRemoteError, StatusQueryError, StatusUnavailableError

__all__ = ["RpcMethod", "failure_of"]


@final
class RpcMethod(msgspec.Struct, frozen=True, kw_only=True):
    """`run` takes `params` and gives what is encoded as the result, for at most `timeout_seconds`.

    One that is not `idempotent` is never run twice for one request: a server that dies in it leaves the client without
    an answer.
    """

    name: str
    params: type[Any]
    run: Callable[[Any], Awaitable[object]]
    timeout_seconds: float = 10.0
    idempotent: bool = True

    async def answer(self, body: bytes) -> bytes:
        """Run it with a request's body; the result as JSON.

        Raises
        ------
        RpcRemoteError
            The body is not what the method takes. Whatever the method raises comes through as well.
        """
        try:
            params = msgspec.json.decode(body or b"{}", type=self.params)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            why = str(error).rstrip(".")
            raise RpcRemoteError("invalid_params", f'the parameters of "{self.name}" cannot be used: {why}') from error
        return msgspec.json.encode(await self.run(params))


def failure_of(error: BaseException) -> str | None:
    """The code of an error that the client is told in its own words; None for one that is nobody's business."""
    match error:
        case RpcRemoteError(code=code):
            return code
        case AmbiguousSourceError():
            return "ambiguous"
        case StatusQueryError():
            return "invalid_params"
        case StatusUnavailableError():
            return "unavailable"
    return None

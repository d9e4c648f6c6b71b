"""From a reader's answer to HTTP: the body as it is, what is known about it in the headers."""

import inspect
from typing import Final, TypeVar
from urllib.parse import quote, unquote

from litestar.response.base import ASGIResponse

from vss_router.api.problems import UnknownRow
from vss_router.status.reader import Answer, Maybe

__all__ = ["encoded_headers", "list_response", "row_id", "row_response", "settled", "status_headers"]

_T = TypeVar("_T")
_JSON: Final = "application/json"


def status_headers(answer: Answer) -> dict[str, str]:
    """The headers that every status answer carries, as they are after the fact's own time."""
    return {
        "x-source-of-truth": answer.source_of_truth,
        "x-as-of": answer.as_of,
        # A source's name may hold any text; a header may not.
        "x-seq": str(answer.seq) if answer.seq is not None else quote(answer.position, safe=":,"),
        "x-stale": "true" if answer.stale else "false",
    }


def encoded_headers(answer: Answer) -> list[tuple[bytes, bytes]]:
    """All headers of an answer as a server sends them."""
    headers = [(name.encode(), value.encode("latin-1")) for name, value in status_headers(answer).items()]
    headers += [(b"content-type", _JSON.encode()), (b"content-length", b"%d" % len(answer.body))]
    return headers


def row_id(path_parameter: str) -> str:
    """The id in a path: routes are matched on the path as it was sent, so that `%2F` is no separator.

    A parameter that takes the rest of the path begins with the slash before it.
    """
    return unquote(path_parameter.removeprefix("/"))


async def settled(asked: Maybe[_T]) -> _T:
    """What a reader answers, at once or after a while."""
    return await asked if inspect.isawaitable(asked) else asked


async def list_response(asked: Maybe[Answer]) -> ASGIResponse:
    """The answer to a question that always has one."""
    answer = await settled(asked)
    return ASGIResponse(body=answer.body, headers=status_headers(answer), media_type=_JSON)


async def row_response(asked: Maybe[Answer | None], kind: str, key: str) -> ASGIResponse:
    """The answer to a question for one row.

    Raises
    ------
    UnknownRow
        There is none (answered 404).
    """
    answer = await settled(asked)
    if answer is None:
        raise UnknownRow(kind, key)
    return ASGIResponse(body=answer.body, headers=status_headers(answer), media_type=_JSON)

"""`/snapshot`: everything at one `seq`, and 304 while nothing has changed."""

from typing import Annotated, Final
from urllib.parse import quote

from litestar import Router, get
from litestar.params import HeaderParameter
from litestar.response.base import ASGIResponse

from vss_router.api.answers import settled, status_headers
from vss_router.api.examples import SNAPSHOT
from vss_router.api.openapi import SnapshotOperation, SourceParameter, described
from vss_router.api.pages import SnapshotOfSeveral
from vss_router.status.reader import Answer, StatusReader
from vss_router.status.rows import SourceSnapshot

__all__ = ["snapshot_routes"]

_NOT_MODIFIED: Final = 304
_OPTIONAL_WEAK: Final = "W/"


def snapshot_routes(reader: StatusReader) -> Router:
    """The route `/snapshot`."""

    @get(
        "/snapshot",
        summary="Operators, channels, queues and calls at one seq",
        description=(
            'Of one PBX its snapshot, of several `{"sources": {name: snapshot}}`. Send the `ETag` back as '
            "`If-None-Match` to be answered 304 while nothing has changed."
        ),
        operation_class=SnapshotOperation,
        responses=described(SourceSnapshot | SnapshotOfSeveral, SNAPSHOT, 404, 503),
    )
    async def snapshot(
        source: SourceParameter = None,
        known: Annotated[
            str | None, HeaderParameter(name="If-None-Match", description="The `ETag` of the snapshot at hand.")
        ] = None,
    ) -> ASGIResponse:
        answer = await settled(reader.snapshot(source))
        if known is not None and _names(known, _tag(answer)):
            return ASGIResponse(status_code=_NOT_MODIFIED, headers=_headers(answer))
        return ASGIResponse(body=answer.body, headers=_headers(answer), media_type="application/json")

    return Router("/", route_handlers=[snapshot], tags=["snapshot"])


def _headers(answer: Answer) -> dict[str, str]:
    return {**status_headers(answer), "etag": _tag(answer), "cache-control": "no-cache"}


def _tag(answer: Answer) -> str:
    """Weak: of one version the rows are the same, while `as_of` may go on with facts that changed none."""
    return f'{_OPTIONAL_WEAK}"{quote(answer.version or answer.position, safe=":,")}"'


def _names(if_none_match: str, tag: str) -> bool:
    """Whether the list of tags holds this one, compared weakly as RFC 9110 (13.1.2) wants it."""
    wanted = tag.removeprefix(_OPTIONAL_WEAK).strip('"')
    if if_none_match.strip() == "*":
        return True
    # A position may hold commas of its own, so the list is taken apart at the quotes.
    return wanted in if_none_match.split('"')[1::2]

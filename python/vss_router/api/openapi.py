"""What the OpenAPI document says beyond the signatures: parameters, headers, problems, examples."""

from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, Router
from litestar.exceptions import NotFoundException
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.spec import (
    Components,
    Example,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Parameter,
    Reference,
    Schema,
    SecurityScheme,
)
from litestar.params import QueryParameter

from vss_router._core import __version__
from vss_router.api.openapi_page import OfflinePage
from vss_router.api.problems import KINDS, PROBLEM_JSON, Problem
from vss_router.status.cursor import LONGEST_CURSOR
from vss_router.status.reader import LARGEST_PAGE
from vss_router.status.rows import OperatorState

__all__ = [
    "CursorParameter",
    "DatabaseOperation",
    "LimitParameter",
    "PlainOperation",
    "QueueParameter",
    "RowQueueParameter",
    "SnapshotOperation",
    "SourceParameter",
    "StateParameter",
    "StatusOperation",
    "described",
    "described_problems",
    "openapi_config",
]

SourceParameter = Annotated[
    str | None, QueryParameter(description="The PBX; needed where an id stands in more than one.")
]
QueueParameter = Annotated[str | None, QueryParameter(description="Only members of this queue.")]
RowQueueParameter = Annotated[str | None, QueryParameter(name="queue", description="Only those of this queue.")]
StateParameter = Annotated[OperatorState | None, QueryParameter(name="state", description="Only those in this state.")]
LimitParameter = Annotated[
    int | None,
    QueryParameter(ge=1, le=LARGEST_PAGE, description="Rows per page; without it, all rows come at once."),
]
CursorParameter = Annotated[
    str | None,
    QueryParameter(max_length=LONGEST_CURSOR, description="`next_cursor` of the page before, unchanged."),
]

_TEXT: Final = Schema(type=OpenAPIType.STRING)
_STATUS_HEADERS: Final = {
    "X-Source-Of-Truth": OpenAPIHeader(
        description="Where the answer comes from.",
        required=True,
        schema=Schema(type=OpenAPIType.STRING, enum=["memory", "redis", "database"]),
    ),
    "X-As-Of": OpenAPIHeader(
        description="Time of the newest fact behind the answer, ISO 8601, UTC.", required=True, schema=_TEXT
    ),
    "X-Seq": OpenAPIHeader(
        description="The PBX's sequence; of several PBXs together, `main:123,b:45`.", required=True, schema=_TEXT
    ),
    "X-Stale": OpenAPIHeader(
        description="`true` while a PBX behind the answer is unreachable or not yet synchronized.",
        required=True,
        schema=Schema(type=OpenAPIType.STRING, enum=["true", "false"]),
    ),
}


def _without_null(schema: Schema) -> None:
    """An optional parameter is left out, never sent as null."""
    if schema.enum is not None:
        schema.enum = [choice for choice in schema.enum if choice is not None]
        schema.type = OpenAPIType.STRING
    kinds = [each for each in schema.one_of or () if isinstance(each, Schema) and each.type != OpenAPIType.NULL]
    if len(kinds) == 1:
        schema.one_of = None
        schema.type = kinds[0].type


@dataclass
class PlainOperation(Operation):
    """An operation as it is really answered: parameters at fault are 422, not Litestar's 400."""

    def __post_init__(self) -> None:
        """Drop the answer that is never given, and the null that no query can carry."""
        if self.responses is not None and self.request_body is None:
            self.responses.pop("400", None)
        if self.security is not None and self.responses is not None:
            self._ask_for_token(self.responses)
        for parameter in self.parameters or ():
            if isinstance(parameter, Parameter) and isinstance(parameter.schema, Schema):
                _without_null(parameter.schema)

    def _ask_for_token(self, responses: dict[str, Any]) -> None:
        if {} in (self.security or []):
            self.security = [{}]
            return
        self.security = None  # as the whole document says
        responses["401"] = OpenAPIResponse(
            description=KINDS["unauthorized"].meaning,
            content={PROBLEM_JSON: OpenAPIMediaType(schema=Reference(ref="#/components/schemas/Problem"))},
        )


@dataclass
class StatusOperation(PlainOperation):
    """An operation that reads status: its answers carry the `X-…` headers."""

    def __post_init__(self) -> None:
        """Document the headers of the good answer."""
        super().__post_init__()
        good = (self.responses or {}).get("200")
        if isinstance(good, OpenAPIResponse):
            good.headers = {**(good.headers or {}), **_STATUS_HEADERS}


@dataclass
class DatabaseOperation(PlainOperation):
    """An operation that reads the database, which only says so."""

    def __post_init__(self) -> None:
        """Document the header of the good answer."""
        super().__post_init__()
        good = (self.responses or {}).get("200")
        if isinstance(good, OpenAPIResponse):
            told = OpenAPIHeader(
                description="Where the answer comes from.",
                required=True,
                schema=Schema(type=OpenAPIType.STRING, enum=["database"]),
            )
            good.headers = {**(good.headers or {}), "X-Source-Of-Truth": told}


_ETAG: Final = OpenAPIHeader(description="Names this state; weak.", schema=_TEXT)


@dataclass
class SnapshotOperation(StatusOperation):
    """The snapshot, which can also be answered 304."""

    def __post_init__(self) -> None:
        """Document the tag and the answer without a body."""
        super().__post_init__()
        if self.responses is None:
            return
        good = self.responses["200"]
        if isinstance(good, OpenAPIResponse) and good.headers is not None:
            good.headers["ETag"] = _ETAG
            self.responses["304"] = OpenAPIResponse(description="Nothing has changed.", headers=dict(good.headers))


def described(shape: Any, example: Any, *problems: int | str) -> dict[int, ResponseSpec]:
    """The answers of a route: 200 of `shape` with an example, and the problems it may answer with.

    A problem is a status, for those that any route may answer with, or the name of one of the `KINDS`.
    """
    answers = {
        200: ResponseSpec(
            data_container=shape,
            description="As it is now.",
            generate_examples=False,
            # Raw, because the document drops what is null from anything it can look into.
            examples=[Example(value=msgspec.Raw(msgspec.json.encode(example)))],
        )
    }
    return answers | described_problems(*problems)


def described_problems(*problems: int | str) -> dict[int, ResponseSpec]:
    """The problems that a route may answer with, by status or by name."""
    by_status: dict[int, list[str]] = {}
    for name, kind in KINDS.items():
        if name in problems or (kind.status in problems and not kind.special):
            by_status.setdefault(kind.status, []).append(kind.meaning)
    return {
        status: ResponseSpec(
            data_container=Problem, description=" ".join(meanings), media_type=PROBLEM_JSON, generate_examples=False
        )
        for status, meanings in by_status.items()
    }


def _unknown_as_problem(response: Response[Any]) -> Response[Any]:
    """Litestar answers unknown paths below /schema with a page of its own; here every error is a problem."""
    if response.status_code == 404:
        raise NotFoundException
    return response


def openapi_config(*, protected: bool) -> OpenAPIConfig:
    """The document at /schema/openapi.json and the page at /schema; `protected` when a token is asked for."""
    return OpenAPIConfig(
        title="vss-router",
        version=__version__,
        description=(
            "Live call-centre status read from Asterisk. Times are UTC, ISO 8601 with milliseconds; durations are "
            "seconds. Errors are RFC 9457 problem JSON."
        ),
        openapi_router=Router("/schema", route_handlers=[], include_in_schema=False, after_request=_unknown_as_problem),
        render_plugins=[OfflinePage()],
        components=Components(
            security_schemes={"token": SecurityScheme(type="http", scheme="bearer")} if protected else None
        ),
        security=[{"token": []}] if protected else None,
    )

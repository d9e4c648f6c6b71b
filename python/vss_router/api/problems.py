"""Errors as RFC 9457 problem JSON, and the table of the problems that exist."""

import http
import logging
from typing import Final

import msgspec
from litestar import Request
from litestar.datastructures import State
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException, ValidationException
from litestar.response.base import ASGIResponse, Response

from vss_router.errors import AmbiguousSourceError, StatusQueryError, StatusUnavailableError

__all__ = [
    "KINDS",
    "PROBLEM_JSON",
    "FieldError",
    "Problem",
    "ProblemKind",
    "Refusal",
    "UnknownRow",
    "problem_from",
    "problem_response",
]

PROBLEM_JSON: Final = "application/problem+json"
RETRY_SECONDS: Final = 1
"""Advice for callers that came before the first synchronization, which takes about a second."""

METHODS_ASKED: Final = "METHODS"
"""What the edge makes of OPTIONS: a method that no path has, so that the refusal lists those that it has."""
_LONGEST_ECHO: Final = 512
"""Characters of a request's path that an answer repeats."""

_log = logging.getLogger(__name__)


class FieldError(msgspec.Struct, frozen=True, kw_only=True):
    """One input at fault."""

    field: str
    detail: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error. `type` leads to its description on the API page; `title` is the same for every occurrence.

    `errors` names the inputs at fault (422), `sources` the PBXs that hold the id (409) or are waited for (503).
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldError] = []
    sources: list[str] = []


class ProblemKind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of problem as the API page lists it."""

    status: int
    title: str
    meaning: str
    special: bool = False
    """Only some routes answer with it; the others of its status any route may."""


KINDS: Final = {
    "unknown-row": ProblemKind(status=404, title="Unknown row", meaning="No row has this id or name."),
    "unknown-source": ProblemKind(status=404, title="Unknown source", meaning="No PBX has this name."),
    "unknown-path": ProblemKind(status=404, title="Unknown path", meaning="The API has no such path.", special=True),
    "method-not-allowed": ProblemKind(
        status=405,
        title="Method not allowed",
        meaning="The path exists, the method does not; `Allow` lists those that do.",
    ),
    "request-timeout": ProblemKind(status=408, title="Request timeout", meaning="The body did not come in time."),
    "ambiguous-source": ProblemKind(
        status=409, title="Ambiguous source", meaning="Several PBXs hold this id: choose one by `source`."
    ),
    "body-too-large": ProblemKind(status=413, title="Body too large", meaning="The body is over the bound."),
    "uri-too-long": ProblemKind(status=414, title="URI too long", meaning="The path with its query is over the bound."),
    "unsupported-media-type": ProblemKind(
        status=415, title="Unsupported media type", meaning="The body is not sent as `application/json`."
    ),
    "bad-input": ProblemKind(
        status=422, title="Bad input", meaning="A parameter or a field of the body cannot be used; `errors` names it."
    ),
    "bad-request": ProblemKind(status=400, title="Bad request", meaning="The request is not valid HTTP for this API."),
    "unauthorized": ProblemKind(
        status=401,
        title="Unauthorized",
        meaning="The request carries no bearer token, or another one than the settings.",
    ),
    "forbidden": ProblemKind(
        status=403, title="Forbidden", meaning="Writing needs a token, and the settings of this router hold none."
    ),
    "internal-error": ProblemKind(
        status=500, title="Internal error", meaning="A defect of the router; its log has it."
    ),
    "not-ready": ProblemKind(
        status=503, title="Not ready", meaning="A PBX has not been synchronized yet; try again after `Retry-After`."
    ),
    "not-connected": ProblemKind(
        status=503,
        title="Not connected",
        meaning="A PBX cannot be asked now; try again after `Retry-After`.",
        special=True,
    ),
    "too-many-streams": ProblemKind(
        status=503,
        title="Too many streams",
        meaning="As many streams are open as are served at once; try again after `Retry-After`.",
        special=True,
    ),
    "no-broker": ProblemKind(
        status=503,
        title="No broker",
        meaning="The router has no broker, or it does not answer; `Retry-After` says when to come again.",
        special=True,
    ),
    "no-database": ProblemKind(
        status=503,
        title="No database",
        meaning="The router has no database, or it does not answer; `Retry-After` says when to come again.",
        special=True,
    ),
}


class UnknownRow(NotFoundException):
    """No row of this kind (`operator`, `queue`, …) has this id."""

    def __init__(self, kind: str, key: str) -> None:
        super().__init__(detail=f"No {kind} {(key if len(key) <= 80 else key[:80] + '…')!r} is known.")


class Refusal(HTTPException):
    """A problem of one of the `KINDS`, raised; `errors` names the inputs at fault, `closing` ends the connection."""

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        errors: list[FieldError] | None = None,
        sources: list[str] | None = None,
        retry_seconds: int | None = None,
        closing: bool = False,
    ) -> None:
        headers = {} if retry_seconds is None else {"retry-after": str(retry_seconds)}
        if closing:
            # The rest of the request would come all the same, and be read only to be thrown away.
            headers["connection"] = "close"
        super().__init__(detail=detail, status_code=KINDS[kind].status, headers=headers)
        self.kind = kind
        self.errors = errors or []
        self.sources = sources or []


def problem_response(
    kind: str,
    detail: str,
    instance: str,
    *,
    errors: list[FieldError] | None = None,
    sources: list[str] | None = None,
    headers: dict[str, str] | None = None,
) -> ASGIResponse:
    """The answer for a problem of one of the `KINDS`; `instance` is the path that was asked for."""
    described = KINDS[kind]
    problem = Problem(
        type=f"/schema#{kind}",
        title=described.title,
        status=described.status,
        detail=detail,
        instance=_shortened(instance),
        errors=errors or [],
        sources=sources or [],
    )
    return ASGIResponse(
        body=msgspec.json.encode(problem), status_code=described.status, media_type=PROBLEM_JSON, headers=headers
    )


def problem_from(request: Request[object, object, State], error: Exception) -> Response[bytes]:
    """Litestar's exception handler: whatever was raised, the answer is a problem.

    What the router does not know is logged with its traceback and answered 500 without any detail of it.
    """
    if isinstance(error, MethodNotAllowedException) and request.scope["method"] == METHODS_ASKED:
        return Response(content=b"", status_code=204, headers={"allow": _allowed(error)}, media_type="text/plain")
    answer = _described(request, error)
    return Response(
        content=answer.body,
        status_code=answer.status_code,
        media_type=PROBLEM_JSON,
        headers={name: value for name, value in answer.headers.items() if name.lower() != "content-length"},
    )


def _described(request: Request[object, object, State], error: Exception) -> ASGIResponse:
    instance = request.scope["path"]
    if isinstance(error, Refusal):
        return problem_response(
            error.kind,
            error.detail,
            instance,
            errors=error.errors,
            sources=error.sources,
            headers=dict(error.headers or {}),
        )
    if isinstance(error, AmbiguousSourceError):
        return problem_response("ambiguous-source", str(error), instance, sources=list(error.sources))
    if isinstance(error, StatusQueryError):
        # A PBX may come and go: its name is asked for like any other row's, not right or wrong by itself.
        return problem_response(
            "unknown-source" if error.field == "source" else "bad-input",
            str(error),
            instance,
            errors=[FieldError(field=error.field, detail=str(error))],
        )
    if isinstance(error, StatusUnavailableError):
        return problem_response("not-ready", str(error), instance, headers={"retry-after": str(RETRY_SECONDS)})
    if isinstance(error, ValidationException):
        return _bad_input(request, error)
    if isinstance(error, HTTPException) and error.status_code < http.HTTPStatus.INTERNAL_SERVER_ERROR:
        return _refused(instance, error)
    _log.error("Request for %s failed", _shortened(instance), exc_info=error)
    return problem_response("internal-error", "The router failed to answer; its log says why.", instance)


def _bad_input(request: Request[object, object, State], error: ValidationException) -> ASGIResponse:
    listed = error.extra if isinstance(error.extra, list) else []
    errors = [_field_error(request, each) for each in listed if isinstance(each, dict)]
    named = ", ".join(f"{each.field} ({each.detail})" for each in errors)
    detail = f"These parameters cannot be used: {named}." if named else error.detail
    return problem_response("bad-input", detail, request.scope["path"], errors=errors)


def _field_error(request: Request[object, object, State], found: dict[str, str]) -> FieldError:
    """The fault with the parameter's name in the URL and, where there are few, the values it can have."""
    field, detail = found.get("key", ""), found.get("message", "").replace(" | null`", "`")
    parameter = request.route_handler.parsed_fn_signature.parameters.get(field)
    if parameter is not None:
        field = getattr(parameter.kwarg_definition, "name", None) or field
        choices = [
            choice for each in (parameter, *parameter.inner_types) for choice in each.args if isinstance(choice, str)
        ]
        if choices:
            detail = f"{detail}, use one of {', '.join(choices)}"
    return FieldError(field=field, detail=detail)


def _refused(instance: str, error: HTTPException) -> ASGIResponse:
    headers = dict(error.headers or {})
    if isinstance(error, UnknownRow):
        return problem_response("unknown-row", error.detail, instance)
    if error.status_code == http.HTTPStatus.NOT_FOUND:
        return problem_response(
            "unknown-path", "The API has no such path: /schema lists those that exist.", instance, headers=headers
        )
    if error.status_code == http.HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = headers["allow"] = _allowed(error)
        return problem_response(
            "method-not-allowed", f"This path does not take the method: use {allowed}.", instance, headers=headers
        )
    return problem_response("bad-request", error.detail, instance, headers=headers)


def _allowed(error: HTTPException) -> str:
    """The methods of a path; whoever has GET is asked for HEAD too."""
    told = {name.lower(): value for name, value in (error.headers or {}).items()}.get("allow", "")
    methods = {each.strip() for each in told.split(",") if each.strip()} | {"OPTIONS"}
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


def _shortened(path: str) -> str:
    return path if len(path) <= _LONGEST_ECHO else path[:_LONGEST_ECHO] + "%E2%80%A6"

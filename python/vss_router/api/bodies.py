"""Bodies of writes: JSON, bounded in size and time, taken as it is written and not as it may have been meant."""

import asyncio
import re
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec
from litestar import Request
from litestar.openapi.spec import Example, OpenAPIMediaType, RequestBody, Schema

from vss_router.api.openapi import PlainOperation, StatusOperation
from vss_router.api.problems import FieldError, Refusal

__all__ = ["LONGEST_BODY", "read_change", "writing_operation"]

LONGEST_BODY: Final = 65_536
"""Bytes; a row with a membership in each of a hundred queues has half of that."""
_BODY_SECONDS: Final = 10.0
_LARGEST_EXACT: Final = 2.0**53
_WHERE: Final = re.compile(r"(?P<said>.*?)(?: - at `\$\.?(?P<path>.*)`)?", re.DOTALL)
_NAMED: Final = re.compile(r"Object (?:contains unknown|missing required) field `(.*)`", re.DOTALL)

_T = TypeVar("_T", bound=msgspec.Struct)


async def read_change(request: Request[Any, Any, Any], decoder: "msgspec.json.Decoder[_T]") -> _T:
    """The body as the decoder's type.

    Raises
    ------
    Refusal
        It is not sent as JSON (415), too large (413), too slow (408), no JSON (400), or not of the shape (422).
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        # A form in another site's page cannot send this type without being asked: so it cannot write.
        raise Refusal("unsupported-media-type", "Send the body as `Content-Type: application/json`.", closing=True)
    body = await _body(request)
    try:
        return _decoded(body, decoder)
    except msgspec.ValidationError as error:
        found = _field_error(str(error))
        raise Refusal(
            "bad-input", f"These fields cannot be used: {found.field} ({found.detail}).", errors=[found]
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal("bad-request", f"The body is no JSON: {error}.") from error


def _decoded(body: bytes, decoder: "msgspec.json.Decoder[_T]") -> _T:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        if "got `float`" not in str(error):
            raise
        # To JSON, and to many a language that writes it, 6.0 is the whole number 6.
        return msgspec.convert(_whole(msgspec.json.decode(body)), decoder.type)


def _whole(value: Any) -> Any:
    match value:
        case float() if value.is_integer() and abs(value) <= _LARGEST_EXACT:
            return int(value)
        case dict():
            return {key: _whole(inner) for key, inner in value.items()}
        case list():
            return [_whole(inner) for inner in value]
    return value


async def _body(request: Request[Any, Any, Any]) -> bytes:
    too_large = Refusal(
        "body-too-large", f"The body is over {LONGEST_BODY} bytes: send one row, and less of it.", closing=True
    )
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > LONGEST_BODY:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > LONGEST_BODY:
                    raise too_large
    except TimeoutError as error:
        raise Refusal(
            "request-timeout", f"The body did not come within {_BODY_SECONDS:.0f} s.", closing=True
        ) from error
    return bytes(body)


def _field_error(text: str) -> FieldError:
    found = _WHERE.fullmatch(text)
    said, path = (found["said"], found["path"] or "") if found else (text, "")
    named = _NAMED.fullmatch(said)
    if named:
        path = f"{path}.{named[1]}" if path else named[1]
    return FieldError(field=(path or "body")[:200], detail=said[:400])


class _InlineSchema(Schema):
    """A schema that msgspec wrote, with everything it refers to put in its place."""

    def __init__(self, shape: type[msgspec.Struct]) -> None:
        super().__init__()
        (schema,), parts = msgspec.json.schema_components([shape], ref_template="{name}")
        self._inline: dict[str, Any] = _resolved(schema, parts)

    def to_schema(self) -> dict[str, Any]:
        """The whole schema."""
        return self._inline


def _resolved(schema: Any, parts: dict[str, Any]) -> Any:
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _resolved(parts[schema["$ref"]], parts)
        resolved = {key: _resolved(value, parts) for key, value in schema.items()}
        if "joined_at" in resolved.get("properties", {}):
            # A row's time, for which msgspec names no format because it takes one without a zone too.
            resolved["properties"]["joined_at"]["format"] = "date-time"
        return resolved
    if isinstance(schema, list):
        return [_resolved(value, parts) for value in schema]
    return schema


def writing_operation(
    shape: type[msgspec.Struct], example: dict[str, Any], answering: type[PlainOperation] = StatusOperation
) -> type[PlainOperation]:
    """An operation whose body is JSON of this shape, and whose answer is as `answering` describes it."""
    schema = _InlineSchema(shape)

    @dataclass
    class WritingOperation(answering):  # type: ignore[misc,valid-type]
        def __post_init__(self) -> None:
            content = OpenAPIMediaType(schema=schema, examples={"change": Example(value=example)})
            self.request_body = RequestBody(content={"application/json": content}, required=True)
            super().__post_init__()

    return WritingOperation

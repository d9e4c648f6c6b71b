"""The API page: the OpenAPI document as one HTML page, without scripts, fonts or anything from another host.

A call centre's network often has no way out; the ready-made pages, which load a script from a CDN, stay blank there.
"""

import html
from collections.abc import Iterator, Mapping
from typing import Any

from litestar import Request
from litestar.openapi.plugins import OpenAPIRenderPlugin

from vss_router.api.page_parts import STYLE, example, head, shape_table, values_in_words
from vss_router.api.problems import KINDS

__all__ = ["OfflinePage"]


class OfflinePage(OpenAPIRenderPlugin):
    """Renders the document on the server; the page needs nothing but itself."""

    def __init__(self) -> None:
        super().__init__(path="/", favicon="", style=STYLE)

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The whole page."""
        del request
        return "".join(_page(openapi_schema, self.style)).encode()


def _page(document: Mapping[str, Any], style: str) -> Iterator[str]:
    info = document["info"]
    title = html.escape(f"{info['title']} {info['version']}")
    yield from head(title, style)
    yield f"<p>{html.escape(info.get('description', ''))}</p>"
    yield "<p>The same as a document for tools: <a href='/schema/openapi.json'>/schema/openapi.json</a>.</p>"
    for path, item in sorted(document["paths"].items()):
        for method, operation in item.items():
            yield from _operation(method.upper(), path, operation)
    yield "<h2>Shapes</h2>"
    for name, schema in sorted(document.get("components", {}).get("schemas", {}).items()):
        yield from shape_table(name, schema)
    yield "<h2>Problems</h2><table><tr><th>type<th>status<th>meaning"
    for name, kind in KINDS.items():
        yield f"<tr id='{name}'><td><code>/schema#{name}</code><td>{kind.status}<td>{html.escape(kind.meaning)}"
    yield "</table></body></html>"


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h2>{html.escape(operation.get('summary', ''))}</h2><p><code>{method} {html.escape(path)}</code></p>"
    if description := operation.get("description"):
        yield f"<p>{html.escape(description)}</p>"
    if parameters := operation.get("parameters"):
        yield "<table><tr><th>parameter<th>in<th>meaning"
        for parameter in parameters:
            meaning = html.escape(parameter.get("description") or "")
            values = values_in_words(parameter.get("schema", {}))
            yield f"<tr><td><code>{html.escape(parameter['name'])}</code><td>{parameter['in']}<td>{meaning} {values}"
        yield "</table>"
    yield "<table><tr><th>answer<th>meaning"
    for status, answer in sorted(operation.get("responses", {}).items()):
        yield f"<tr><td>{status}<td>{html.escape(answer.get('description') or '')}"
    yield "</table>"
    for answer in operation.get("responses", {}).values():
        for content in (answer.get("content") or {}).values():
            for shown in (content.get("examples") or {}).values():
                yield example(shown["value"])

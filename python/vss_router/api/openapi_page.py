"""The API page: the OpenAPI document as one HTML page, without scripts, fonts or anything from another host.

A call centre's network often has no way out; the ready-made pages, which load a script from a CDN, stay blank there.
"""

import html
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from litestar import Request
from litestar.openapi.plugins import OpenAPIRenderPlugin

from vss_router.api.problems import KINDS

__all__ = ["OfflinePage"]

_STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #8884; }
code, pre { font: 14px/1.45 ui-monospace, monospace; }
pre { background: #8881; padding: .75rem; overflow: auto; border-radius: .4rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; vertical-align: top; border-bottom: 1px solid #8883; }
summary { cursor: pointer; }
"""


class OfflinePage(OpenAPIRenderPlugin):
    """Renders the document on the server; the page needs nothing but itself."""

    def __init__(self) -> None:
        super().__init__(path="/", favicon="", style=f"<style>{_STYLE}</style>")

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The whole page."""
        del request
        return "".join(_page(openapi_schema, self.style)).encode()


def _page(document: Mapping[str, Any], style: str) -> Iterator[str]:
    info = document["info"]
    title = html.escape(f"{info['title']} {info['version']}")
    yield "<!doctype html><html lang=en><head><meta charset=utf-8>"
    yield "<meta name=viewport content='width=device-width, initial-scale=1'>"
    yield f"<title>{title}</title>{style}</head><body><h1>{title}</h1><p>{html.escape(info.get('description', ''))}</p>"
    yield "<p>The same as a document for tools: <a href='/schema/openapi.json'>/schema/openapi.json</a>.</p>"
    for path, item in sorted(document["paths"].items()):
        for method, operation in item.items():
            yield from _operation(method.upper(), path, operation)
    yield "<h2>Shapes</h2>"
    for name, schema in sorted(document.get("components", {}).get("schemas", {}).items()):
        yield from _shape(name, schema)
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
            values = _values(parameter.get("schema", {}))
            yield f"<tr><td><code>{html.escape(parameter['name'])}</code><td>{parameter['in']}<td>{meaning} {values}"
        yield "</table>"
    yield "<table><tr><th>answer<th>meaning"
    for status, answer in sorted(operation.get("responses", {}).items()):
        yield f"<tr><td>{status}<td>{html.escape(answer.get('description') or '')}"
    yield "</table>"
    for answer in operation.get("responses", {}).values():
        for content in (answer.get("content") or {}).values():
            for example in (content.get("examples") or {}).values():
                text = msgspec.json.format(msgspec.json.encode(example["value"])).decode()
                yield f"<details><summary>Example</summary><pre>{html.escape(text)}</pre></details>"


def _shape(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield f"<details id='shape-{html.escape(name)}'><summary><code>{html.escape(name)}</code>"
    yield f" {html.escape(schema.get('description') or '')}</summary><table><tr><th>field<th>type"
    for field, kind in schema.get("properties", {}).items():
        yield f"<tr><td><code>{html.escape(field)}</code><td>{_values(kind)}"
    yield "</table></details>"


def _values(schema: Mapping[str, Any]) -> str:
    """What a value may be, in a few words."""
    if reference := schema.get("$ref"):
        name = html.escape(reference.rpartition("/")[2])
        return f"<a href='#shape-{name}'>{name}</a>"
    if choices := schema.get("enum"):
        return " | ".join(f"<code>{html.escape(str(choice))}</code>" for choice in choices)
    if alternatives := schema.get("oneOf") or schema.get("anyOf"):
        return " or ".join(_values(alternative) for alternative in alternatives)
    if items := schema.get("items"):
        return f"list of {_values(items)}"
    kind = schema.get("type", "any")
    named = " | ".join(kind) if isinstance(kind, list) else str(kind)
    return html.escape(f"{named} ({schema['format']})" if "format" in schema else named)

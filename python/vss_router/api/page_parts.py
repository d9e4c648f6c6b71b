"""What the pages about the interfaces have in common: their style, their head, tables of fields."""

import html
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

__all__ = ["STYLE", "example", "head", "prose", "shape_table", "values_in_words"]

STYLE: Final = """<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #8884; }
code, pre { font: 14px/1.45 ui-monospace, monospace; }
pre { background: #8881; padding: .75rem; overflow: auto; border-radius: .4rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; vertical-align: top; border-bottom: 1px solid #8883; }
summary { cursor: pointer; }
</style>"""
"""What needs nothing from another host."""


def head(title: str, style: str = STYLE) -> Iterator[str]:
    """The page up to its heading; `title` is escaped already."""
    yield "<!doctype html><html lang=en><head><meta charset=utf-8>"
    yield "<meta name=viewport content='width=device-width, initial-scale=1'>"
    yield f"<title>{title}</title>{style}</head><body><h1>{title}</h1>"


def prose(text: str) -> str:
    """Plain text with names in backticks, as HTML."""
    parts = html.escape(text).split("`")
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))


def example(value: Any) -> str:
    """A JSON value to unfold."""
    text = msgspec.json.format(msgspec.json.encode(value)).decode()
    return f"<details><summary>Example</summary><pre>{html.escape(text)}</pre></details>"


def shape_table(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    """One shape to unfold: its fields and what they may be."""
    yield f"<details id='shape-{html.escape(name)}'><summary><code>{html.escape(name)}</code>"
    yield f" {html.escape(schema.get('description') or '')}</summary><table><tr><th>field<th>type"
    for field, kind in schema.get("properties", {}).items():
        yield f"<tr><td><code>{html.escape(field)}</code><td>{values_in_words(kind)}"
    yield "</table></details>"


def values_in_words(schema: Mapping[str, Any]) -> str:
    """What a value may be, in a few words."""
    if reference := schema.get("$ref"):
        name = html.escape(reference.rpartition("/")[2])
        return f"<a href='#shape-{name}'>{name}</a>"
    if choices := schema.get("enum"):
        return " | ".join(f"<code>{html.escape(str(choice))}</code>" for choice in choices)
    if alternatives := schema.get("oneOf") or schema.get("anyOf"):
        return " or ".join(values_in_words(alternative) for alternative in alternatives)
    if items := schema.get("items"):
        return f"list of {values_in_words(items)}"
    kind = schema.get("type", "any")
    named = " | ".join(kind) if isinstance(kind, list) else str(kind)
    return html.escape(f"{named} ({schema['format']})" if "format" in schema else named)

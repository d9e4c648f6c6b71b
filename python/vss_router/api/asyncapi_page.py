"""The page about the messages: the AsyncAPI document as one HTML page that needs nothing but itself."""

import html
from collections.abc import Iterator, Mapping
from typing import Any

from vss_router.api.page_parts import example, head, prose, shape_table, values_in_words

__all__ = ["asyncapi_page"]


def asyncapi_page(document: Mapping[str, Any]) -> bytes:
    """The whole page."""
    return "".join(_page(document)).encode()


def _page(document: Mapping[str, Any]) -> Iterator[str]:
    info = document["info"]
    yield from head(html.escape(f"{info['title']} {info['version']}"))
    yield f"<p>{prose(info['description'])}</p>"
    yield "<p>The same as a document for tools: <a href='/asyncapi.json'>/asyncapi.json</a>.</p>"
    amqp = {name: channel["bindings"]["amqp"] for name, channel in document["channels"].items()}
    queues = [document["channels"][name] for name, binding in amqp.items() if binding["is"] == "queue"]
    keys = [document["channels"][name] for name, binding in amqp.items() if binding["is"] == "routingKey"]
    yield from _exchanges(document["x-exchanges"])
    yield from _queues(queues)
    for channel in keys:
        for name in channel["messages"]:
            yield from _message(channel, name, document["components"])
    yield "<h2>Shapes</h2>"
    messages = document["components"]["messages"]
    for name, schema in sorted(document["components"]["schemas"].items()):
        if name not in messages:
            yield from shape_table(name, schema)
    yield "</body></html>"


def _exchanges(exchanges: list[Mapping[str, Any]]) -> Iterator[str]:
    yield "<h2>Exchanges</h2><table><tr><th>exchange<th>type"
    for exchange in exchanges:
        yield f"<tr><td><code>{html.escape(exchange['name'])}</code><td>{html.escape(exchange['kind'])}"
    yield "</table>"


def _queues(queues: list[Mapping[str, Any]]) -> Iterator[str]:
    yield "<h2>Queues</h2><table><tr><th>queue<th>what it is for<th>messages"
    for channel in queues:
        named = ", ".join(_link(name) for name in channel["messages"])
        yield f"<tr><td><code>{html.escape(channel['address'])}</code><td>{prose(channel['description'])}<td>{named}"
    yield "</table>"


def _message(channel: Mapping[str, Any], name: str, components: Mapping[str, Any]) -> Iterator[str]:
    message, schema = components["messages"][name], components["schemas"][name]
    yield f"<h2 id='shape-{html.escape(name)}'>{html.escape(channel['title'])}</h2>"
    yield f"<p>{prose(message['summary'])}</p>"
    yield "<table><tr><th>field<th>type<th>meaning"
    for field, kind in schema["properties"].items():
        said = [prose(kind["description"])] if "description" in kind else []
        if field in schema["required"]:
            said.insert(0, "Required.")
        elif "default" in kind:
            said.append(f"Without it: <code>{html.escape(str(kind['default']))}</code>.")
        yield f"<tr><td><code>{html.escape(field)}</code><td>{values_in_words(kind)}<td>{' '.join(said)}"
    yield "</table>"
    for shown in message["examples"]:
        yield example(shown["payload"])


def _link(name: str) -> str:
    return f"<a href='#shape-{html.escape(name)}'>{html.escape(name)}</a>"

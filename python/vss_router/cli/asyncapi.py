"""`vss-router asyncapi`: the messages as an AsyncAPI document, and as one JSON Schema each."""

import os
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["asyncapi"]


def asyncapi(
    *,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the document there rather than print it.")
    ] = None,
    schemas: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write one JSON Schema per message into this folder, not the document."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Settings file; its broker_queues change the queues' limits.")
    ] = None,
) -> None:
    """Print which messages travel, as an AsyncAPI 3 document.

    It names every exchange, routing key and queue, with a JSON Schema and an example of each message; generators make
    clients of it. A running router serves the same at /asyncapi.json, and as a page at /asyncapi.
    """
    import msgspec

    from vss_router import __version__
    from vss_router.broker.topology_view import topology_view
    from vss_router.broker.vss_topology import vss_topology
    from vss_router.events import MESSAGE_TYPES
    from vss_router.events.asyncapi import asyncapi_document
    from vss_router.events.json_schema import message_schema
    from vss_router.settings import load_settings

    settings = load_settings(config=config, environ=os.environ)
    if schemas is not None:
        for known in MESSAGE_TYPES:
            text = msgspec.json.format(msgspec.json.encode(message_schema(known.type)))
            _write(schemas / f"{known.type.__name__}.json", text)
        print(f"{len(MESSAGE_TYPES)} JSON Schemas in {schemas}")
        return
    document = asyncapi_document(topology_view(vss_topology(settings.broker_queues)), version=__version__)
    text = msgspec.json.format(msgspec.json.encode(document))
    if output is None:
        print(text.decode())
    else:
        _write(output, text)


def _write(path: Path, text: bytes) -> None:
    from vss_router.errors import SettingsError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text + b"\n")
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(f"{path} cannot be written ({reason}): choose another place.") from None

"""`vss-router serve`: the router for the PBXs of a call centre."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from vss_router.errors import SettingsError

__all__ = ["serve"]

_STATUS = "Status"
_STORES = "Redis and database"
_BROKER = "Messages"
_LOG = "Logs"


def serve(
    *,
    config: Annotated[Path | None, typer.Option(help="TOML file with these settings.", metavar="FILE")] = None,
    ami: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=USER:SECRET@HOST:PORT",
            help="A PBX; repeatable. Long form: main=amis://user:secret@host:5039 with ?ca=FILE, &auth=md5, "
            "&encoding=cp1251; percent-encoded. Rather than the secret itself: ?secret_file=FILE or ?secret_env=NAME.",
        ),
    ] = None,
    http: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Where REST listens; other than loopback needs a token.",
            show_default="127.0.0.1:3000",
        ),
    ] = None,
    http_token_file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="First line: the token every REST request must carry. Or VSS_ROUTER_HTTP_TOKEN."
        ),
    ] = None,
    data_dir: Annotated[
        str | None,
        typer.Option(
            metavar="DIR", help="Folder of this router, locked by one process.", show_default="XDG state folder"
        ),
    ] = None,
    redis: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            rich_help_panel=_STORES,
            help="Publish live status there: redis://host:6379, rediss://, unix://, redis+sentinel://h1,h2/MASTER, "
            "redis+cluster://h1,h2; ?ca=FILE, ?password_file=FILE. Without --ami: serve what stands there.",
        ),
    ] = None,
    redis_prefix: Annotated[
        str | None,
        typer.Option(metavar="TEXT", rich_help_panel=_STORES, show_default="queue", help="What every key begins with."),
    ] = None,
    redis_ttl_seconds: Annotated[
        str | None,
        typer.Option(
            metavar="SECONDS",
            rich_help_panel=_STORES,
            show_default="3600",
            help="How long a row outlives the router that wrote it.",
        ),
    ] = None,
    redis_flush_rows: Annotated[
        str | None,
        typer.Option(
            metavar="N", rich_help_panel=_STORES, show_default="512", help="At most so many rows in one flush."
        ),
    ] = None,
    redis_flush_seconds: Annotated[
        str | None,
        typer.Option(
            metavar="SECONDS",
            rich_help_panel=_STORES,
            show_default="0.002",
            help="How long a change may wait for others.",
        ),
    ] = None,
    redis_compress: Annotated[
        str | None,
        typer.Option(metavar="KIND", rich_help_panel=_STORES, show_default="none", help="none or zstd."),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            rich_help_panel=_STORES,
            show_default="SQLite in the data folder",
            help="History and the fallback: sqlite:///FILE, postgresql://user:password@host/name, or none.",
        ),
    ] = None,
    database_days: Annotated[
        str | None,
        typer.Option(
            metavar="DAYS", rich_help_panel=_STORES, show_default="90", help="How long history is kept; 0: for ever."
        ),
    ] = None,
    broker: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            rich_help_panel=_BROKER,
            show_default="embedded",
            help="Where messages go: amqp://user:password@host:5672/%2Fvss, amqps://, embedded or none; ?ca=FILE, "
            "?password_file=FILE.",
        ),
    ] = None,
    broker_transport: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=_BROKER,
            show_default="lapin",
            help="The client for amqp://: lapin, in the compiled core, or aio_pika.",
        ),
    ] = None,
    broker_queues: Annotated[
        list[str] | None,
        typer.Option(
            metavar="QUEUE.SETTING=VALUE",
            rich_help_panel=_BROKER,
            help="A queue's limits: vss.call.events.max_length=500, ttl_seconds, overflow, max_priority; repeatable.",
        ),
    ] = None,
    instance: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=_BROKER,
            show_default="the host's name",
            help="What this process is called in the names of its own queues.",
        ),
    ] = None,
    outbox_messages: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            rich_help_panel=_BROKER,
            show_default="50000",
            help="So many messages may wait in memory to be published; more go to disk.",
        ),
    ] = None,
    outbox_disk_bytes: Annotated[
        str | None,
        typer.Option(
            metavar="BYTES",
            rich_help_panel=_BROKER,
            show_default="1000000000",
            help="How much disk may hold what waits to be published.",
        ),
    ] = None,
    message_log: Annotated[
        str | None,
        typer.Option(
            metavar="FRACTION",
            rich_help_panel=_BROKER,
            show_default="0",
            help="Share of messages logged to the table rabbitmq_log, 0 to 1.",
        ),
    ] = None,
    drain_seconds: Annotated[
        str | None,
        typer.Option(
            metavar="SECONDS",
            rich_help_panel=_BROKER,
            show_default="10",
            help="How long a stop waits for handlers of messages under way.",
        ),
    ] = None,
    queues: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME.wrapup_seconds=N",
            rich_help_panel=_STATUS,
            help="Wrap-up of a queue, which AMI does not tell; repeatable, * for all others.",
        ),
    ] = None,
    trunks: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            rich_help_panel=_STATUS,
            show_default="*/trunk*",
            help="Channel names of outside lines; repeatable.",
        ),
    ] = None,
    ended_seconds: Annotated[
        str | None,
        typer.Option(
            metavar="SECONDS", rich_help_panel=_STATUS, show_default="60", help="How long an ended call stays readable."
        ),
    ] = None,
    window_seconds: Annotated[
        str | None,
        typer.Option(
            metavar="SECONDS",
            rich_help_panel=_STATUS,
            show_default="86400",
            help="Window of averages and service level.",
        ),
    ] = None,
    resync_seconds: Annotated[
        str | None,
        typer.Option(
            metavar="SECONDS",
            rich_help_panel=_STATUS,
            show_default="300",
            help="Period of the comparison with Asterisk's lists; 0 turns it off.",
        ),
    ] = None,
    log_level: Annotated[
        str | None,
        typer.Option(rich_help_panel=_LOG, metavar="LEVEL", show_default="info", help="debug, info, warning or error."),
    ] = None,
    log_format: Annotated[
        str | None, typer.Option(rich_help_panel=_LOG, metavar="FORMAT", show_default="text", help="text or json.")
    ] = None,
) -> None:
    """Serve the live status of one or more PBXs over REST until stopped.

    A PBX that cannot be reached is tried for ever. One that turns the very first attempt away (login refused, no
    Asterisk manager, a certificate that does not verify) shows a wrong setting: serve says so and ends with exit
    code 1. Whatever happens later is logged and tried again.
    """
    from vss_router.cli.running import run_command
    from vss_router.log import configure_logging
    from vss_router.settings import load_settings

    given = {
        "ami": ami or None,
        "http": http,
        "http_token_file": http_token_file,
        "data_dir": data_dir,
        "redis": redis,
        "redis_prefix": redis_prefix,
        "redis_ttl_seconds": redis_ttl_seconds,
        "redis_flush_rows": redis_flush_rows,
        "redis_flush_seconds": redis_flush_seconds,
        "redis_compress": redis_compress,
        "database": database,
        "database_days": database_days,
        "broker": broker,
        "broker_transport": broker_transport,
        "broker_queues": broker_queues or None,
        "instance": instance,
        "outbox_messages": outbox_messages,
        "outbox_disk_bytes": outbox_disk_bytes,
        "message_log": message_log,
        "drain_seconds": drain_seconds,
        "queues": queues or None,
        "trunks": trunks or None,
        "ended_seconds": ended_seconds,
        "window_seconds": window_seconds,
        "resync_seconds": resync_seconds,
        "log_level": log_level,
        "log_format": log_format,
    }
    settings = load_settings(given, config=config, environ=os.environ)
    if not settings.ami and not settings.redis:
        raise SettingsError(
            "no PBX to serve: name one with --ami main=user:secret@host:5038, or ami in --config, or a Redis to read "
            "from with --redis"
        )
    configure_logging(settings.log_level, settings.log_format)

    from vss_router.router import Router

    async def serving(stop: asyncio.Event) -> None:
        async with Router.from_settings(settings, environ=os.environ) as router:
            await router.serve_until(stop)

    run_command(serving)

"""Structured logs to stderr, as text for people or as JSON lines, with secrets and phone numbers masked.

`logging` of other libraries (uvicorn, litestar) goes the same way, so that one format and one mask hold for all.
"""

import logging
import re
import sys
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Final, TextIO

import structlog

from vss_router.settings import LogFormat, LogLevel

__all__ = ["configure_logging", "mask", "mask_event", "masked_number"]

_SECRET_NAMES: Final = frozenset({"secret", "password", "token", "authorization", "key", "challenge", "http_token"})
_CLOCK_NAMES: Final = frozenset(
    {"timestamp", "time", "now", "since", "as_of", "seq", "from_seq", "to_seq", "pid", "id"}
)

_URL_SECRET: Final = re.compile(
    # From the beginning of a word, and bounded: text of any length is read in one go.
    r"(?<![^\s:/@=])(?P<user>[^\s:/@=]+):(?!secret@)[^\s@/]{1,512}@(?=[\w\[])"  # user:secret@host is how we show it
)
_HEADER_SECRET: Final = re.compile(
    r"(?i)\b(?P<before>(?:secret|password|token|key)\s*[:=]\s*|bearer\s+)(?!bearer)[^\s,;&]+"
)
_PHONE: Final = re.compile(
    r"(?<![\w.])\+\d[\d ()\-]{5,18}\d(?![\w.]\d)"  # +7 (495) 123-45-67: the plus makes it a number, spaces or not
    r"|(?<![\w.\-:])\d{6,15}(?![\w:]|\.\d)"  # bare digits; not a Uniqueid, a version, a hex tail, a microsecond clock
)
_CHATTY: Final = ("alembic", "asyncio", "httpcore", "httpx", "uvicorn")
"""Libraries whose notices of normal life are for debugging only."""
_EXTRAS: Final = (
    *("sources", "source", "http", "handler", "times", "took", "lost"),
    *("trouble", "reason", "waiting", "epoch", "operators", "queues"),
    *("routing_key", "id", "queue", "outcome", "attempts"),
)
"""Fields that our own modules hand to `logging` as `extra`. They log that way and not through structlog, because a
program that embeds us and never calls `configure_logging` would get structlog's default: all of it on stdout, and
tracebacks with the values of local variables in them.
"""
_KEPT_LONG: Final = 4
_KEPT_SHORT: Final = 2
_LONG: Final = 10


def masked_number(number: str) -> str:
    """A phone number with only its last digits left: 4 of 10 and more, else 2; up to 5 digits are an extension."""
    digits = sum(character.isdigit() for character in number)
    if digits <= 5:
        return number
    hidden = digits - (_KEPT_LONG if digits >= _LONG else _KEPT_SHORT)
    masked: list[str] = []
    for character in number:
        masked.append("*" if character.isdigit() and hidden > 0 else character)
        hidden -= character.isdigit()
    return "".join(masked)


def mask(text: str) -> str:
    """`text` without secrets (`user:secret@host`, `Secret: x`, `Bearer x`) and phone numbers.

    Kept as they are: extensions and ports (up to 5 digits), times, `Uniqueid`s (`1795290561.12`), sequence numbers
    (16 digits, longer than any phone number).
    """
    text = _URL_SECRET.sub(r"\g<user>:***@", text)
    text = _HEADER_SECRET.sub(r"\g<before>***", text)
    return _PHONE.sub(lambda found: masked_number(found[0]), text)


def mask_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog processor: masks every value of the event, however deep."""
    for name, value in event.items():
        event[name] = _masked_value(name, value)
    return event


def _masked_value(name: str, value: object) -> object:
    lowered = name.lower()
    if lowered in _SECRET_NAMES or lowered.endswith(("_secret", "_password", "_token")):
        return "***" if value else value
    if lowered in _CLOCK_NAMES or lowered.endswith(("_at", "_id", "uniqueid", "linkedid")):
        return value
    if isinstance(value, bytes):
        return mask(value.decode("utf-8", "replace"))
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {key: _masked_value(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked_value(name, inner) for inner in value]
    return value


def _masked_exception(text: TextIO, details: Any) -> None:
    structlog.dev.plain_traceback(_Masking(text), details)  # type: ignore[arg-type]


class _Masking:
    """A text stream that masks what is written, for tracebacks that structlog writes after all processors."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(mask(text))


def configure_logging(level: LogLevel = "info", fmt: LogFormat = "text", stream: TextIO | None = None) -> None:
    """Send structlog and `logging` to `stream` (stderr) from `level` on, as `text` or one JSON object a line."""
    stream = stream or sys.stderr
    shared: list[Callable[..., Any]] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if fmt == "json":
        shared.append(structlog.processors.format_exc_info)
        renderer: Callable[..., Any] = structlog.processors.JSONRenderer(ensure_ascii=False)
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=_masked_exception)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(_EXTRAS)],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, mask_event, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.NOTSET if level == "debug" else logging.WARNING)

"""What the decorators of consumers refuse at once, so that no message has to find a mistake."""

from typing import Final

from vss_router.broker.consumers.retry import Retry
from vss_router.broker.quantities import is_count, is_number
from vss_router.errors import SettingsError
from vss_router.events import Command, Event

__all__ = [
    "check_counts",
    "check_pattern",
    "check_queue",
    "check_reader",
    "check_reader_queue",
    "check_retry",
    "check_takes",
]

_MOST_BYTES: Final = 255
"""Of a name or a routing key: AMQP's short string."""


def check_queue(given: object) -> None:
    """Refuse what cannot be a queue's name, the handler itself among it: a decorator without its brackets."""
    if not _is_name(given):
        raise SettingsError(
            f'consumer needs the name of a queue, as in @router.consumer("vss.autodial.leads"), not {_shown(given)}'
        )


def check_pattern(given: object) -> None:
    """Refuse what cannot be a pattern; as `check_queue`."""
    if not isinstance(given, str) or len(given.encode(errors="replace")) > _MOST_BYTES:
        raise SettingsError(f'on needs a pattern of routing keys, as in @router.on("call.*"), not {_shown(given)}')


def check_reader(name: object, exchange: object) -> None:
    """Refuse what cannot be called so: a reader, after whom its queue is, or an exchange."""
    for what, given in (("name", name), ("exchange", exchange)):
        if not _is_name(given):
            raise SettingsError(f"on needs for {what}= a text of 1 to 255 bytes, or it left out, not {_shown(given)}")


def check_reader_queue(queue: str) -> None:
    """Refuse a reader's queue, made of its name and the instance's, that is longer than names can be."""
    if not _is_name(queue):
        raise SettingsError(f"the queue {queue[:40]}… of a reader is longer than 255 bytes: shorten its name=")


def check_takes(consumer: str, given: object) -> None:
    """Refuse what no message is an instance of."""
    several = given if isinstance(given, tuple) else (given,)
    if given is None:
        return
    if not several or not all(isinstance(each, type) and issubclass(each, Event | Command) for each in several):
        raise SettingsError(
            f"the consumer {consumer} needs for type= a type of vss_router.events or a tuple of them, "
            f"not {_shown(given)}"
        )


def check_counts(consumer: str, *, concurrency: object, prefetch: object, timeout_seconds: object) -> None:
    """Refuse numbers that cannot be, and what is no number."""
    if not is_count(concurrency) or not is_count(prefetch) or not 1 <= concurrency <= prefetch <= 65_535:
        raise SettingsError(
            f"the consumer {consumer} needs 1 <= concurrency <= prefetch <= 65535, "
            f"not concurrency={concurrency} and prefetch={prefetch}"
        )
    if not is_number(timeout_seconds) or not 0 < timeout_seconds <= 86_400:
        raise SettingsError(f"the consumer {consumer} needs a timeout_seconds above 0 and up to 86400")


def check_retry(consumer: str, given: object) -> None:
    """Refuse what is no `Retry`."""
    if not isinstance(given, Retry):
        raise SettingsError(f"the consumer {consumer} needs for retry= a Retry(…), not {_shown(given)}")


def _is_name(given: object) -> bool:
    return isinstance(given, str) and 0 < len(given.encode(errors="replace")) <= _MOST_BYTES


def _shown(given: object) -> str:
    if isinstance(given, str):
        return repr(given) if len(given) <= 40 else f"one of {len(given.encode(errors='replace'))} bytes"
    if isinstance(given, type):
        return f"the type {given.__name__}"
    if callable(given):
        return f"the function {getattr(given, '__name__', type(given).__name__)}"
    return repr(given) if given is None or given == () else f"a {type(given).__name__}"

"""What a message that died says about it, and which circles it may go round; the rules are RabbitMQ's."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

from msgspec.structs import replace

from vss_router.broker.message import Headers, HeaderValue, Message
from vss_router.broker.topology import DeadLetter

__all__ = ["DeathReason", "dead_lettered", "goes_round"]

DeathReason: TypeAlias = Literal["rejected", "expired", "maxlen"]
_DEATHS: Final = "x-death"


def _deaths(headers: Headers) -> list[Mapping[str, HeaderValue]]:
    """The deaths it died so far, the latest first; whatever else somebody put there does not count."""
    found = headers.get(_DEATHS)
    if isinstance(found, Sequence) and not isinstance(found, str | bytes):
        return [death for death in found if isinstance(death, Mapping)]
    return []


def dead_lettered(message: Message, reason: DeathReason, queue: str, to: DeadLetter, now: float) -> Message:
    """The message as it goes to the dead-letter exchange.

    One death per queue and reason, counted; the latest first. Its own time to live is taken off, so that it does not
    die of it again.
    """
    headers = dict(message.properties.headers)
    deaths = _deaths(headers)
    alike = [death for death in deaths if death.get("queue") == queue and death.get("reason") == reason]
    others = [death for death in deaths if death not in alike]
    if alike:
        count = alike[0].get("count")
        death: dict[str, HeaderValue] = {**alike[0], "count": (count if isinstance(count, int) else 0) + 1}
    else:
        death = {
            "count": 1,
            "reason": reason,
            "queue": queue,
            "time": datetime.datetime.fromtimestamp(int(now), datetime.UTC),
            "exchange": message.exchange,
            "routing-keys": [message.routing_key],
        }
        if message.properties.expiration_ms is not None:
            death["original-expiration"] = str(message.properties.expiration_ms)
    if not deaths:
        headers |= {
            "x-first-death-reason": reason,
            "x-first-death-queue": queue,
            "x-first-death-exchange": message.exchange,
        }
    headers[_DEATHS] = [death, *others]
    return Message(
        to.exchange,
        message.routing_key if to.routing_key is None else to.routing_key,
        message.body,
        replace(message.properties, headers=headers, expiration_ms=None),
    )


def goes_round(message: Message, reason: DeathReason, queue: str) -> bool:
    """Whether a dead letter comes back to a queue where it died, and nobody ever rejected it on the way round."""
    if reason == "rejected":
        return False
    way: list[HeaderValue] = []
    for death in _deaths(message.properties.headers):
        way.append(death.get("reason"))
        if death.get("queue") == queue:
            return "rejected" not in way
    return False

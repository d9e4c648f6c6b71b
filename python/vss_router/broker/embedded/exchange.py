"""Which queues a routing key reaches through one exchange."""

from typing import Final

from vss_router._core import TopicMatcher
from vss_router.broker.embedded.headers_match import headers_match
from vss_router.broker.message import Message
from vss_router.broker.topology import Binding, Exchange

__all__ = ["EmbeddedExchange"]

_MOST_KEYS: Final = 10_000
"""Routing keys whose queues are remembered."""


class EmbeddedExchange:
    """An exchange with its bindings; queues are known by number."""

    def __init__(self, declared: Exchange) -> None:
        self.declared = declared
        self._bindings: dict[int, list[Binding]] = {}
        self._topics = TopicMatcher()
        self._known: dict[str, list[int]] = {}

    @property
    def bound(self) -> bool:
        """Whether any queue is bound."""
        return bool(self._bindings)

    @property
    def bindings(self) -> list[tuple[int, Binding]]:
        """All bindings, each with its queue's number."""
        return [(queue, binding) for queue, bindings in self._bindings.items() for binding in bindings]

    def bind(self, binding: Binding, queue: int) -> bool:
        """False when it was bound so already."""
        bindings = self._bindings.setdefault(queue, [])
        if binding in bindings:
            return False
        bindings.append(binding)
        self._topics.add(binding.routing_key, queue)
        self._known.clear()
        return True

    def forget_queue(self, queue: int) -> bool:
        """Take a queue's bindings away; False when it had none."""
        bindings = self._bindings.pop(queue, [])
        for binding in bindings:
            self._topics.remove(binding.routing_key, queue)
        self._known.clear()
        return bool(bindings)

    def takes(self, routing_key: str) -> bool:
        """Whether a message with this key may go to a queue; for a headers exchange, whether any is bound."""
        if self.declared.kind == "headers":
            return self.bound
        return bool(self._queues_of(routing_key))

    def route(self, message: Message) -> list[int]:
        """The queues that a message goes to, each once, in the order of their numbers."""
        if self.declared.kind == "headers":
            headers = message.properties.headers
            return [
                queue
                for queue, bindings in self._bindings.items()
                if any(headers_match(binding.arguments, headers) for binding in bindings)
            ]
        return self._queues_of(message.routing_key)

    def _queues_of(self, key: str) -> list[int]:
        queues = self._known.get(key)
        if queues is None:
            if len(self._known) >= _MOST_KEYS:
                self._known.clear()
            queues = self._known[key] = self._matching(key)
        return queues

    def _matching(self, key: str) -> list[int]:
        match self.declared.kind:
            case "topic":
                return self._topics.match(key)
            case "direct":
                return [
                    queue
                    for queue, bindings in self._bindings.items()
                    if any(binding.routing_key == key for binding in bindings)
                ]
            case _:
                return list(self._bindings)

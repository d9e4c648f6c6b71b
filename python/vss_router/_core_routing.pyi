"""The part of `_core` that routes messages. There is no such module at run time: import from `vss_router._core`."""

from typing import final

__all__ = ["TopicMatcher"]

@final
class TopicMatcher:
    """The bindings of a topic exchange, with RabbitMQ's rules.

    A key is words separated by dots; empty words are words (`a..b` has three), the empty key has none. In a pattern `*`
    is exactly one word and `#` zero or more, anywhere and repeatedly. A target is whatever number the caller knows a
    queue by, from 0 to 2⁶⁴−1. What a key costs does not grow with the number of bindings it does not match.
    """

    def __new__(cls) -> TopicMatcher: ...
    def add(self, pattern: str, target: int) -> bool:
        """Bind a target; False when it was bound under this very pattern already.

        Raises
        ------
        TopologyError
            The pattern has more than 255 bytes.
        """
    def remove(self, pattern: str, target: int) -> bool:
        """Take a binding away; False when there was none such."""
    def match(self, key: str, /) -> list[int]:
        """The targets whose patterns match a key, each once, ascending.

        Raises
        ------
        MessageError
            The key has more than 255 bytes.
        """
    def __len__(self) -> int:
        """How many bindings there are."""

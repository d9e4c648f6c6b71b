"""Asterisk's own statements in a recording: which messages belong to a list, which are live events.

```
  Response EventList: start ──▶ open ──item──▶ open ──<Name>Complete──▶ ended (count right?)
                                  └── EventList: cancelled ──▶ ended, cancelled
```

The items of a list carry its ActionID; so do a few live events (OriginateResponse), which is why an ActionID alone
does not make an item.
"""

from typing import Final

import msgspec

from vss_router._core import AmiMessage

__all__ = ["AskedList", "ListSet", "Lists", "surveyed"]

_COMPLETE: Final = "Complete"
_LIST_OF: Final = {
    "QueueParams": "QueueStatus",
    "QueueMember": "QueueStatus",
    "QueueEntry": "QueueStatus",
    "CoreShowChannel": "CoreShowChannels",
    "Status": "Status",
}
"""Items told by name alone: of a list whose beginning an old Asterisk did not announce, or whose end is lost."""


class AskedList(msgspec.Struct):
    """One answer in several messages, the `number`-th of the recording. `kind` is the action (`QueueStatus`)."""

    number: int
    action_id: str
    kind: str = ""
    items: int = 0
    declared: int | None = None
    cancelled: bool = False
    ended: bool = False

    @property
    def whole(self) -> bool:
        """Ended, and with as many items as Asterisk said it would have."""
        return self.ended and not self.cancelled and self.declared in {None, self.items}


class ListSet(msgspec.Struct):
    """The lists of one round: they stand one after another, each action once."""

    lists: list[AskedList]

    @property
    def complete(self) -> bool:
        """Members, waiting callers and channels are all stated, and no list of the round is cut."""
        kinds = {asked.kind for asked in self.lists}
        return {"QueueStatus", "CoreShowChannels"} <= kinds and all(asked.whole for asked in self.lists)


class Lists:
    """Follows the lists of one recording, message by message."""

    def __init__(self) -> None:
        self.begun = 0
        self._open: dict[str, AskedList] = {}

    def of(self, message: AmiMessage) -> AskedList | None:
        """The list a message belongs to, None for live events and plain answers. `ended` with its last message."""
        action_id = message.action_id
        if action_id is None:
            return None
        if message.kind == "response":
            begins = message.get("EventList") == "start" or "will follow" in (message.get("Message") or "")
            return self._begin(action_id) if begins and message.name == "Success" else None
        if message.kind != "event" or message.name == "OriginateResponse":
            return None
        asked = self._open.get(action_id)
        if asked is None:
            if message.name not in _LIST_OF:
                return None
            asked = self._begin(action_id)
        end = message.get("EventList")
        if message.name.endswith(_COMPLETE) or end in {"Complete", "cancelled"}:
            count = message.get("ListItems")
            asked.kind = message.name.removesuffix(_COMPLETE)
            asked.cancelled = end == "cancelled"
            asked.declared = int(count) if count is not None and count.strip().isdecimal() else None
            asked.ended = True
            del self._open[action_id]
        else:
            asked.items += 1
            asked.kind = asked.kind or _LIST_OF.get(message.name, "")
        return asked

    def _begin(self, action_id: str) -> AskedList:
        asked = self._open[action_id] = AskedList(self.begun, action_id)
        self.begun += 1
        return asked


def surveyed(lists: list[AskedList]) -> list[ListSet]:
    """The lists of a recording, in the order they began, by rounds: an action asked again begins the next one."""
    sets: list[ListSet] = []
    kinds: set[str] = set()
    for asked in lists:
        if not sets or asked.kind in kinds:
            sets.append(ListSet([]))
            kinds = set()
        sets[-1].lists.append(asked)
        kinds.add(asked.kind)
    return sets

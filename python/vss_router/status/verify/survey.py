"""The first pass over a recording: whether it is AMI, and which sets of lists it holds.

The second pass then knows at a list's first message what it is and whether it is whole, and needs to hold nothing
back.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from vss_router._core import AmiDecoder
from vss_router.errors import CaptureError
from vss_router.status.verify.lists import AskedList, Lists, ListSet, surveyed

__all__ = ["Survey", "survey"]

_NOT_AMI_AFTER: Final = 1 << 20
"""So many bytes without an event or response, and it is something else."""


class Survey(msgspec.Struct):
    """What a recording holds. `began` is its first Timestamp (Unix seconds), 0 without one."""

    messages: int
    began: float
    lists: list[AskedList]
    sets: list[ListSet]

    @property
    def complete_sets(self) -> int:
        """Sets with which a board can be seeded or compared as a whole."""
        return sum(1 for each in self.sets if each.complete)


def survey(chunks: Iterable[bytes], recording: str) -> Survey:
    """Read a recording once, for its lists.

    Raises
    ------
    CaptureError
        It is no AMI, or holds fewer than two complete sets of lists.
    """
    decoder, lists = AmiDecoder(), Lists()
    found: list[AskedList] = []
    messages = size = 0
    began: float | None = None
    for chunk in chunks:
        size += len(chunk)
        for message in decoder.feed(chunk):
            if message.kind not in {"event", "response"}:
                continue
            messages += 1
            if began is None and (text := message.get("Timestamp")) is not None:
                began = _seconds(text)
            asked = lists.of(message)
            if asked is not None and asked.number == len(found):
                found.append(asked)
        if messages == 0 and size > _NOT_AMI_AFTER:
            break
    if messages == 0:
        what = "is empty" if size == 0 else "is not a recording of an Asterisk manager session"
        raise CaptureError(f"{recording} {what}: verify needs one, made with `vss-router record`.")
    result = Survey(messages, began or 0.0, found, surveyed(found))
    if result.complete_sets < 2:
        held = "no complete set of lists" if result.complete_sets == 0 else "only one complete set of lists"
        raise CaptureError(
            f"{recording} holds {held} (QueueStatus, CoreShowChannels, …) and verify needs two: "
            "record longer, so that the lists are asked at least twice."
        )
    return result


def _seconds(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None

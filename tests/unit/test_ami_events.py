"""Handlers of a user's own AMI events, without a PBX."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from vss_router._core import AmiDecoder, AmiMessage
from vss_router.ami_events import AmiEvents
from vss_router.errors import SettingsError


def sold(count: int) -> list[AmiMessage]:
    decoder = AmiDecoder()
    text = "".join(f"Event: UserEvent\r\nUserEvent: sold\r\nN: {number}\r\n\r\n" for number in range(count))
    return list(decoder.feed(f"Asterisk Call Manager/9.0.0\r\n{text}".encode()))


@pytest.mark.parametrize("waits", [True, False])
async def test_an_event_a_handler_cannot_take_costs_it_none_of_those_that_came_with_it(
    waits: bool, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str | None] = []

    def take(_source: str, event: AmiMessage) -> None:
        seen.append(event.get("N"))
        if event.get("N") in {"1", "3"}:
            raise ValueError(f"not {event.get('N')}")

    async def take_later(source: str, event: AmiMessage) -> None:
        take(source, event)

    events = AmiEvents()
    events.add("UserEvent", take_later if waits else take)
    events.start()
    events.publish("main", sold(6))
    await asyncio.sleep(0)
    await events.close()
    assert seen == ["0", "1", "2", "3", "4", "5"]
    said = caplog.text
    assert "not 1" in said
    assert "not 3" in said


def two(_source: str, _event: AmiMessage) -> None:
    return


@pytest.mark.parametrize("name", ["", "User\r\nEvent", " ", 5, None, two])
def test_a_name_that_no_event_has_is_refused_with_the_way_to_ask(name: Any) -> None:
    with pytest.raises(SettingsError, match=r'needs the name of an AMI event, as in @router.on_ami\("UserEvent"\)'):
        AmiEvents().add(name, two)


@pytest.mark.parametrize("handler", [None, "x", lambda: None, lambda _event: None])
def test_what_cannot_be_called_with_a_source_and_an_event_is_refused(handler: Callable[..., Any]) -> None:
    with pytest.raises(SettingsError, match="must take the PBX's name and the event"):
        AmiEvents().add("UserEvent", handler)

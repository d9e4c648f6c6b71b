"""The comparison that the soak rests on finds what it is there to find."""

from collections.abc import Awaitable, Callable

import pytest

from tests.contract.session_contract import TIMINGS
from tests.integration.watched_link import linked
from tests.live.fenced_board import FencedBoard
from tests.live.list_check import ListCheck
from tests.live.live_asterisk import LivePbx
from tests.live.manager_client import ManagerClient
from vss_router import StatusBoard

Act = Callable[[ManagerClient], Awaitable[None]]


async def pause(manager: ManagerClient) -> None:
    answer = await manager.ask("QueuePause", Interface="PJSIP/2001", Queue="help", Paused="true", Reason="lost")
    assert answer.name == "Success"


async def unpause(manager: ManagerClient) -> None:
    answer = await manager.ask("QueuePause", Interface="PJSIP/2001", Queue="help", Paused="false")
    assert answer.name == "Success"


async def call(manager: ManagerClient) -> None:
    answer = await manager.ask("Originate", Channel="Local/s@hold", Application="Wait", Data="60", Async="true")
    assert answer.name == "Success"


async def hang_up(manager: ManagerClient) -> None:
    for channel in await manager.channels():
        await manager.ask("Hangup", Channel=channel.get("Channel") or "")


@pytest.mark.parametrize(
    ("before", "lost", "act", "field"),
    [
        (unpause, "QueueMemberPause", pause, "member.paused"),
        (unpause, "Newchannel", call, None),
        (call, "Hangup", hang_up, "channel.set"),
    ],
    ids=["a lost pause", "a lost Newchannel heals", "a lost Hangup"],
)
async def test_a_lost_event_is_drift_unless_the_events_after_it_tell_the_same(
    pbx: LivePbx, before: Act, lost: str, act: Act, field: str | None
) -> None:
    board = FencedBoard(StatusBoard())
    async with linked(pbx.endpoint(), TIMINGS, board=board.as_board) as watched, pbx.manager() as manager:
        await watched.until_live()
        check = ListCheck(board)
        await before(manager)
        await check.round(manager)
        assert check.drifted == []
        board.lose = lost
        await act(manager)
        await watched.until(lambda _: board.lose is None)
        await check.round(manager)
        await hang_up(manager)
        await unpause(manager)
        found = {drifted.difference.field for drifted in check.drifted}
        assert all(drifted.found_again for drifted in check.drifted)
        assert check.report().drift is (field is not None)
        assert (field in found) if field else found == set()

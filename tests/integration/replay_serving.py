"""A small recording, and the fake Asterisk that serves it to the tests."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from tests.ami_client import AmiClient, value
from tests.recordings import capture, event, listed
from vss_router.ami.replay import ReplayServer

MEMBER = {
    "Queue": "help",
    "Name": "Anna",
    "Location": "PJSIP/1",
    "StateInterface": "PJSIP/1",
    "Membership": "static",
    "Penalty": "3",
    "Status": "1",
    "Paused": "0",
    "PausedReason": "",
}
RECORDING = capture(
    event("Newchannel", 0),
    listed("QueueStatus", "rec-1", [("QueueMember", MEMBER)]),
    event("QueueMemberPenalty", 5, "agent,all", Queue="help", MemberName="Anna", Interface="PJSIP/1", Penalty="9"),
    event("Hangup", 9),
)
Serving = AbstractAsyncContextManager[ReplayServer]
Serve = Callable[..., Serving]


async def refused(client: AmiClient, action: str, **headers: str) -> str:
    answer = (await client.ask(action, **headers))[-1]
    assert answer[0] == "Response: Error"
    return value(answer, "Message")

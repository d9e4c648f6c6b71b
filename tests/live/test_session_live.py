"""The link's contract against a real Asterisk, and what only a real one can show."""

import re

from tests.contract.session_contract import TIMINGS, SessionContract
from tests.integration.watched_link import linked
from tests.live.live_asterisk import LivePbx
from vss_router import AmiAction, AmiDecoder, Batch, StatusBoard
from vss_router.ami.filter import EVENT_FILTERS, KEPT_VARIABLES
from vss_router.ami.io_thread import IoThread
from vss_router.ami.login import log_in, set_event_filter
from vss_router.ami.ring import RING_BYTES, Chunk, Lost
from vss_router.ami.session import AmiSession


class TestLivePbx(SessionContract):
    pass


async def test_asterisk_applies_the_event_filter_as_it_is_meant(pbx: LivePbx) -> None:
    """Only the kept variables' VarSet, no TestEvent, no security event; all else as without the filter."""
    variables = [*KEPT_VARIABLES, "V", "VSS_FENC", "VSS_FENCES", "QUEUESTATU", "QUEUESTATUSX", "Q", "_", "OTHER"]

    async def seen(*, filtered: bool) -> tuple[set[str], set[str]]:
        io, decoder, board = IoThread(), AmiDecoder(), StatusBoard()
        names: set[str] = set()
        set_variables: set[str] = set()

        def absorb(session: AmiSession, item: Chunk | Lost) -> Batch | None:
            assert isinstance(item, Chunk)
            for message in decoder.feed(item.data):
                if message.kind == "event":
                    names.add(message.name)
                if message.name == "VarSet" and message.get("Channel") == "none":
                    set_variables.add(message.get("Variable") or "")
            return board.feed(item.data, item.arrived, session.name)

        io.start()
        session = AmiSession(
            "events",
            io,
            absorb=absorb,
            timings=TIMINGS,
            encoding="utf-8",
            id_prefix="filter-",
            ring_bytes=RING_BYTES,
        )
        try:
            await session.connect(pbx.endpoint(), lambda: 0.0)
            await log_in(session, pbx.endpoint())
            if filtered:
                assert await set_event_filter(session)
                names.clear()
            for variable in variables:
                await session.request(AmiAction("Setvar", {"Variable": variable, "Value": "1"}))
            originate = {"Channel": "Local/s@hold", "Application": "Wait", "Data": "0.2", "Async": "true"}
            await session.request(AmiAction("Originate", originate))
            async with linked(pbx.endpoint(), TIMINGS) as other:  # its logins are security events
                await other.until_live()
                await session.request(AmiAction("Ping"))
                await other.until(lambda _: "OriginateResponse" in names and "Hangup" in names)
        finally:
            session.cut("done")
            await io.stop()
        return names, set_variables

    plain, all_variables = await seen(filtered=False)
    filtered, kept = await seen(filtered=True)
    assert all_variables >= set(variables)
    assert kept == set(KEPT_VARIABLES)
    assert {"Newchannel", "Newexten", "Hangup", "DeviceStateChange", "OriginateResponse"} <= filtered
    dropped = plain - filtered
    assert {"SuccessfulAuth"} <= dropped
    assert dropped <= {"SuccessfulAuth", "TestEvent", "ChallengeSent", "FullyBooted", "RTCPSent", "RTCPReceived"}
    assert len(EVENT_FILTERS) == 3


async def test_the_fence_by_queue_pause_leaves_the_members_pause_as_it_was(pbx: LivePbx) -> None:
    for paused in ("true", "false"):
        async with linked(pbx.endpoint(), TIMINGS) as watched:
            await watched.until_live()
            headers = {"Queue": "fence", "Interface": pbx.fence_member, "Paused": paused, "Reason": "lunch"}
            assert (await watched.link.request(AmiAction("QueuePause", headers))).success
            before = await queue_show(pbx)
        async with linked(pbx.endpoint("pauser", fence_member=pbx.fence_member), TIMINGS) as watched:
            status = await watched.until_live()
            assert status.fence == "queue_pause"
            assert await watched.link.resync() == {}
        assert await queue_show(pbx) == before
        assert ("paused:lunch" in before) is (paused == "true")


async def queue_show(pbx: LivePbx) -> str:
    """The members of queue `fence` as the console shows them, without what runs with the clock."""
    shown = await pbx.cli("queue show fence")
    return re.sub(r"\d+ secs? ago", "", shown)

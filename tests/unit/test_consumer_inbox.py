"""A command has one effect, also when it is delivered twice and when the inbox is away."""

import asyncio
from typing import Any

import pytest

from tests.consumer_desk import LEAD, desk_with
from vss_router.broker.consumers import Claim, Claimed, handler_run
from vss_router.broker.message import Properties, Settlement
from vss_router.events import Event

ACKED, REQUEUED = Settlement.ACK, Settlement.REQUEUE


async def nothing(message: Event) -> None:
    del message


async def failing(message: Event) -> None:
    raise ValueError(f"cannot reach {message.extra.get('whom', '+79991234567')}")


class InboxDouble:
    def __init__(self, *claims: Claimed | Exception) -> None:
        self.claims = list(claims)
        self.asked: list[tuple[str, str]] = []
        self.ended: list[str] = []
        self.fails_at_the_end = False

    async def claim(self, consumer: str, message_id: str, lease_seconds: float) -> Claim:
        assert lease_seconds > 60
        self.asked.append((consumer, message_id))
        claim = self.claims.pop(0) if self.claims else Claimed.YOURS
        if isinstance(claim, Exception):
            raise claim
        return Claim(claim, "token")

    async def done(self, consumer: str, message_id: str, token: str) -> bool:
        assert token == "token"
        if self.fails_at_the_end:
            raise OSError("away")
        self.ended.append("done")
        return True

    async def release(self, consumer: str, message_id: str, token: str) -> None:
        assert token == "token"
        self.ended.append("released")


class TestInbox:
    async def test_a_command_that_was_handled_before_is_acked_and_not_handled(self) -> None:
        inbox = InboxDouble(Claimed.DONE)
        desk = await desk_with(failing, "vss.autodial.leads", inbox=inbox)
        await desk.give_lead(properties=Properties(message_id="m1"))
        assert inbox.asked == [("vss.autodial.leads:failing", "m1")]
        assert (desk.how, desk.stats.duplicates, desk.stats.failed) == ([ACKED], 1, 0)

    async def test_a_command_somebody_else_is_at_comes_later_and_counts_no_attempt(self) -> None:
        desk = await desk_with(failing, "vss.autodial.leads", inbox=InboxDouble(Claimed.BUSY))
        await desk.give_lead()
        assert (desk.stats.later, desk.stats.failed) == (1, 0)

    async def test_an_inbox_that_cannot_be_asked_puts_the_command_off(self) -> None:
        desk = await desk_with(nothing, "vss.autodial.leads", inbox=InboxDouble(OSError("away")))
        await desk.give_lead()
        assert (desk.stats.later, desk.stats.inbox_failures, desk.stats.handled) == (1, 1, 0)

    async def test_a_command_that_was_handled_is_kept_and_then_acked(self) -> None:
        inbox = InboxDouble()
        desk = await desk_with(nothing, "vss.autodial.leads", inbox=inbox)
        await desk.give_lead()
        assert (inbox.ended, desk.how) == (["done"], [ACKED])

    async def test_work_that_is_done_is_acked_though_the_inbox_cannot_keep_it(self) -> None:
        inbox = InboxDouble()
        inbox.fails_at_the_end = True
        desk = await desk_with(nothing, "vss.autodial.leads", inbox=inbox)
        await desk.give_lead()
        assert (desk.how, desk.stats.inbox_failures, desk.stats.handled) == ([ACKED], 1, 1)

    async def test_a_failure_releases_the_claim_so_that_the_retry_may_have_it(self) -> None:
        inbox = InboxDouble()
        desk = await desk_with(failing, "vss.autodial.leads", inbox=inbox)
        await desk.give_lead()
        assert (inbox.ended, desk.stats.retried) == (["released"], 1)

    async def test_a_stuck_handler_keeps_its_claim(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(handler_run, "CANCEL_SECONDS", 0.01)
        let_go = asyncio.Event()

        async def handler(message: Event) -> None:
            while not let_go.is_set():
                try:
                    await let_go.wait()
                except asyncio.CancelledError:
                    continue

        inbox = InboxDouble()
        desk = await desk_with(handler, "vss.autodial.leads", inbox=inbox, timeout_seconds=60)
        monkeypatch.setattr(
            "vss_router.broker.consumers.handler_run.HandlerRun.ended",
            _with_time(handler_run.HandlerRun.ended, 0.01),
        )
        await desk.give_lead()
        assert (inbox.ended, desk.stats.stuck) == ([], 1)
        let_go.set()

    async def test_a_command_without_an_id_is_known_by_its_words(self) -> None:
        inbox = InboxDouble()
        desk = await desk_with(nothing, "vss.autodial.leads", inbox=inbox)
        await desk.give_lead()
        await desk.give_lead()
        await desk.give_lead(body=LEAD.replace(b"l1", b"l2"))
        ids = [asked for _, asked in inbox.asked]
        assert ids[0] == ids[1] != ids[2]
        assert all(each.startswith("sha256:") for each in ids)

    async def test_equal_commands_without_id_and_time_are_not_taken_for_one(self) -> None:
        inbox = InboxDouble()
        desk = await desk_with(nothing, "vss.autodial.leads", inbox=inbox)
        await desk.give_lead(body=b'{"lead_id":"l1","phone_number":"1","campaign_id":"c"}')
        assert (inbox.asked, desk.stats.handled) == ([], 1)

    async def test_events_do_not_ask_the_inbox_unless_told_to(self) -> None:
        inbox = InboxDouble()
        desk = await desk_with(nothing, inbox=inbox)
        await desk.give(properties=Properties(message_id="m1"))
        assert inbox.asked == []
        told = await desk_with(nothing, inbox=inbox, idempotent=True)
        await told.give(properties=Properties(message_id="m1"))
        assert inbox.asked == [("vss.call.events:nothing", "m1")]


def _with_time(ended: Any, seconds: float) -> Any:
    async def bounded(run: Any, _seconds: float) -> Any:
        return await ended(run, seconds)

    return bounded

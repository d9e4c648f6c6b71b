"""Minutes of a busy call centre through one link, its board held against Asterisk's lists every few seconds."""

import asyncio
import random
import time
from collections import Counter
from contextlib import suppress
from typing import Final

from msgspec.structs import replace

from tests.integration.watched_link import WatchedLink, linked
from tests.live.fenced_board import FencedBoard
from tests.live.list_check import ListCheck
from tests.live.live_asterisk import LivePbx
from tests.live.manager_client import ManagerClient
from tests.live.soak_figures import Outage, SoakFigures, Visit
from tests.live.stir import Stirrer
from vss_router import StatusBoard
from vss_router.ami.timings import LinkTimings

EVERY_SECONDS: Final = 5.0
CALL_EVERY_MS: Final = 600
RECOVERY_SECONDS: Final = 90.0
VISIT_SECONDS: Final = 6.0
# As users have it, but for the periodic resync: it would mend what the comparison is to find.
TIMINGS: Final = replace(LinkTimings(), resync_seconds=0.0)


class Soak:
    """One soak of `seconds`. `drained` is what was left on the board when every channel had been hung up."""

    def __init__(self, pbx: LivePbx, seconds: float, seed: int = 11) -> None:
        self.pbx = pbx
        self.seconds = seconds
        self.random = random.Random(seed)
        self.stirrer = Stirrer(self.random)
        self.board = FencedBoard(StatusBoard(wrapup_seconds={"help": 3.0, "orders": 2.0}))
        self.check = ListCheck(self.board)
        self.outages: list[Outage] = []
        self.visits: list[Visit] = []
        self.reasons: Counter[str] = Counter()
        self.emptied = 0
        self.drained: dict[str, int] = {}

    async def run(self) -> SoakFigures:
        async with linked(self.pbx.endpoint(), TIMINGS, board=self.board.as_board) as link:
            await self._live(link, 1)
            assert link.status.filtered
            self.reasons["connect"] += 1
            link.watch(self._watch)
            tasks = [
                asyncio.create_task(self.stirrer.run(self.pbx.manager)),
                asyncio.create_task(self._visit_all()),
            ]
            began = time.monotonic()
            try:
                async with self.pbx.calls(int(self.seconds + 60), CALL_EVERY_MS):
                    await self._comparing(link, began, tasks)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await self.stirrer.stop()
            seconds = time.monotonic() - began
            await self._drain(link)
            return self._figures(link, seconds)

    async def _comparing(self, link: WatchedLink, began: float, tasks: list[asyncio.Task[None]]) -> None:
        """Rounds of comparisons, a reload after a quarter and three quarters of the time, a restart at its half."""
        interludes = [(0.25, self._reload), (0.5, self._restart), (0.75, self._reload)]
        while (passed := time.monotonic() - began) < self.seconds:
            for task in tasks:
                if task.done():
                    await task  # it never ends but by its failure
            if interludes and passed >= interludes[0][0] * self.seconds:
                await interludes.pop(0)[1](link)
                self.check.begin_anew()
            async with self.pbx.manager() as manager:
                await self.check.round(manager)
            spent = time.monotonic() - began - passed
            await asyncio.sleep(max(EVERY_SECONDS - spent, 0.0))
        assert not interludes, "the comparisons took longer than the soak"

    async def _reload(self, link: WatchedLink) -> None:
        resyncs = link.status.resyncs
        began = time.monotonic()
        await self.pbx.reload_queues()
        await self._live(link, resyncs + 1)
        self.reasons[link.status.resync_last_reason or ""] += 1
        self.outages.append(Outage("module reload app_queue", time.monotonic() - began, drift=dict(link.status.drift)))

    async def _restart(self, link: WatchedLink) -> None:
        resyncs = link.status.resyncs
        began = time.monotonic()
        await self.pbx.cli("core restart now")
        await link.until(lambda status: not status.connected, RECOVERY_SECONDS)
        async with asyncio.timeout(RECOVERY_SECONDS):
            while not await self._takes_connections():  # noqa: ASYNC110 - there is nothing else to wait on
                await asyncio.sleep(0.02)
        booted = time.monotonic()
        await self._live(link, resyncs + 1)
        live = time.monotonic()
        self.reasons[link.status.resync_last_reason or ""] += 1
        self.outages.append(Outage("core restart now", live - began, live - booted))

    async def _takes_connections(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.pbx.port)
        except OSError:
            return False
        writer.transport.abort()
        return True

    async def _live(self, link: WatchedLink, resyncs: int) -> None:
        await link.until(lambda status: status.state == "live" and status.resyncs >= resyncs, RECOVERY_SECONDS)

    async def _visit_all(self) -> None:
        """The accounts without a fence by Setvar, and without any, come and resync while calls run."""
        while True:
            for account, member in (("pauser", self.pbx.fence_member), ("reader", None)):
                await asyncio.sleep(self.seconds / 12)
                with suppress(TimeoutError):  # Asterisk restarted in between: it comes again
                    await self._visit(account, member)

    async def _visit(self, account: str, member: str | None) -> None:
        began = time.monotonic()
        async with linked(self.pbx.endpoint(account, fence_member=member), TIMINGS) as link:
            await link.until_live(RECOVERY_SECONDS)
            until_live = time.monotonic() - began
            await asyncio.sleep(VISIT_SECONDS)
            async with asyncio.timeout(RECOVERY_SECONDS):
                drift = await link.link.resync()
            self.visits.append(Visit(account, link.status.fence, until_live, drift))

    def _watch(self) -> None:
        if not self.board.rows("queues"):
            self.emptied += 1

    async def _drain(self, link: WatchedLink) -> None:
        """Hang everything up; nothing may be left, and the last comparison is made."""
        async with self.pbx.manager() as manager:
            await _hang_up_all(manager)
            with suppress(TimeoutError):
                await link.until(lambda _: not self.board.rows("channels"), 5)
            await self.check.round(manager)
        left = self.board.stats()
        self.drained = {table: left[table] for table in ("channels", "callers")}

    def _figures(self, link: WatchedLink, seconds: float) -> SoakFigures:
        report, status = self.check.report(), link.status
        core = [result for result in report.fields if result.core]
        return SoakFigures(
            asterisk=status.asterisk_version or self.pbx.version,
            seconds=seconds,
            rounds=self.check.rounds,
            lists=self.check.lists,
            fields=report.fields,
            rows_compared=report.rows_compared,
            drift=sum(result.drift for result in core),
            in_flight=sum(result.in_flight for result in core),
            unexplained_but_settled=self.check.settled,
            drifted=self.check.drifted,
            events=self.board.heard,
            events_per_second=self.board.heard / seconds,
            board=self.board.stats(),
            resyncs=status.resyncs,
            resyncs_failed=status.resyncs_failed,
            reasons=dict(self.reasons),
            gaps=link.keys.count("sync.gap"),
            reconnects=status.reconnects,
            overflows=status.overflows,
            outages=self.outages,
            visits=self.visits,
            accepted=dict(self.stirrer.accepted),
            refused=dict(self.stirrer.refused),
        )


async def _hang_up_all(manager: ManagerClient) -> None:
    """Again and again: a call that is being set up may bring another channel."""
    for _ in range(40):
        channels = await manager.channels()
        if not channels:
            return
        for channel in channels:
            await manager.ask("Hangup", Channel=channel.get("Channel") or "")
        await asyncio.sleep(0.25)
    raise AssertionError("Asterisk's channels do not end")

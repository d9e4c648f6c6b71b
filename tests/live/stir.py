"""The hand that stirs the call centre while SIPp calls: pauses, member changes, originates, transfers, parking."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Final

from tests.live.manager_client import ManagerClient

AGENTS: Final = tuple(f"PJSIP/{number}" for number in range(2001, 2009))
QUEUES: Final = ("help", "orders")
REASONS: Final = ("lunch", "Обед", "training: new products", "", 'it\'s "quoted"')
PACE_SECONDS: Final = (0.05, 0.7)

_Act = Callable[[ManagerClient], Awaitable[bool]]


class Stirrer:
    """Does one thing after the other, chosen by `random`; counts what Asterisk accepted and what it refused."""

    def __init__(self, random: random.Random) -> None:
        self.accepted: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self._random = random
        self._later: set[asyncio.Task[None]] = set()
        acts: dict[_Act, int] = {
            self.pause: 5,
            self.unpause: 4,
            self.penalty: 2,
            self.ring_in_use: 1,
            self.add: 2,
            self.remove: 2,
            self.originate: 2,
            self.attended: 3,
            self.blind: 2,
            self.redirect: 2,
            self.redirect_both: 1,
            self.park: 2,
            self.bridge: 1,
            self.hang_up: 1,
        }
        self.acts: Final = acts

    async def run(self, connect: Callable[[], AbstractAsyncContextManager[ManagerClient]]) -> None:
        """Until cancelled, over restarts of Asterisk too."""
        acts, weights = [*self.acts], [*self.acts.values()]
        while True:
            try:
                async with connect() as manager:
                    while True:
                        await asyncio.sleep(self._random.uniform(*PACE_SECONDS))
                        (act,) = self._random.choices(acts, weights)
                        await act(manager)
            except (OSError, TimeoutError):  # restarting
                await asyncio.sleep(0.5)

    async def pause(self, manager: ManagerClient) -> bool:
        headers = {"Interface": self._random.choice(AGENTS), "Paused": "true", "Reason": self._random.choice(REASONS)}
        return await self._do(manager, "QueuePause", **headers | self._maybe_queue())

    async def unpause(self, manager: ManagerClient) -> bool:
        headers = {"Interface": self._random.choice(AGENTS), "Paused": "false"}
        return await self._do(manager, "QueuePause", **headers | self._maybe_queue(), counted="Unpause")

    async def penalty(self, manager: ManagerClient) -> bool:
        headers = {"Interface": self._random.choice(AGENTS), "Penalty": str(self._random.randrange(5))}
        return await self._do(manager, "QueuePenalty", **headers | self._maybe_queue())

    async def ring_in_use(self, manager: ManagerClient) -> bool:
        headers = {"Interface": self._random.choice(AGENTS), "RingInUse": self._random.choice(["true", "false"])}
        return await self._do(manager, "QueueMemberRingInUse", **headers)

    async def add(self, manager: ManagerClient) -> bool:
        agent = self._random.choice(AGENTS)
        headers = {
            "Queue": self._random.choice(QUEUES),
            "Interface": f"Local/{agent.removeprefix('PJSIP/')}@internal/n",
            "StateInterface": agent,
            "MemberName": f"Оператор {agent}",
            "Penalty": str(self._random.randrange(3)),
            "Paused": self._random.choice(["true", "false"]),
            "Reason": "new here",
        }
        return await self._do(manager, "QueueAdd", **headers)

    async def remove(self, manager: ManagerClient) -> bool:
        members = [
            item
            for item in await manager.listed("QueueStatus")
            if item.name == "QueueMember" and item.get("Membership") == "dynamic"
        ]
        if not members:
            return False
        member = self._random.choice(members)
        headers = {"Queue": member.get("Queue") or "", "Interface": member.get("Location") or ""}
        return await self._do(manager, "QueueRemove", **headers)

    async def originate(self, manager: ManagerClient) -> bool:
        number = self._random.randrange(2001, 2009)
        to = self._random.choice(
            [
                {"Channel": f"PJSIP/{number}", "Context": "autodial", "Exten": "4501", "Priority": "1"},
                {"Channel": f"Local/{number}@internal", "Context": "hold", "Exten": "s", "Priority": "1"},
                {"Channel": f"Local/{number}@internal/n", "Application": "Wait", "Data": "5"},
                {"Channel": "PJSIP/nobody", "Application": "Wait", "Data": "5"},
            ]
        )
        return await self._do(manager, "Originate", **to, CallerID='"Call back" <4501>', Timeout="9000", Async="true")

    async def attended(self, manager: ManagerClient) -> bool:
        talk = await self._talk(manager)
        if talk is None:
            return False
        _, agent = talk
        exten = str(self._random.randrange(2001, 2009))
        done = await self._do(manager, "Atxfer", Channel=agent, Exten=exten, Context="internal")
        # Whether the target has answered by then makes it an attended transfer or a blonde one.
        self._later.add(later := asyncio.create_task(self._complete(manager, agent, exten)))
        later.add_done_callback(self._later.discard)
        return done

    async def blind(self, manager: ManagerClient) -> bool:
        talk = await self._talk(manager)
        if talk is None:
            return False
        exten = self._random.choice(["2002", "2007", "701", "nowhere"])
        return await self._do(manager, "BlindTransfer", Channel=talk[1], Context="internal", Exten=exten)

    async def redirect(self, manager: ManagerClient) -> bool:
        talk = await self._talk(manager)
        if talk is None:
            return False
        to = {"Context": "from-trunk", "Exten": self._random.choice(["700", "701"]), "Priority": "1"}
        return await self._do(manager, "Redirect", Channel=talk[0], **to)

    async def redirect_both(self, manager: ManagerClient) -> bool:
        talk = await self._talk(manager)
        if talk is None:
            return False
        to = {"Context": "from-trunk", "Exten": "700", "Priority": "1"}
        extra = {"ExtraContext": "hold", "ExtraExten": "s", "ExtraPriority": "1", "ExtraChannel": talk[1]}
        return await self._do(manager, "Redirect", Channel=talk[0], **to, **extra, counted="Redirect both")

    async def park(self, manager: ManagerClient) -> bool:
        talk = await self._talk(manager)
        if talk is None:
            return False
        return await self._do(manager, "Park", Channel=talk[0], TimeoutChannel=talk[1], Timeout="4000")

    async def bridge(self, manager: ManagerClient) -> bool:
        one, other = await self._talk(manager), await self._talk(manager)
        if one is None or other is None or one == other:
            return False
        return await self._do(manager, "Bridge", Channel1=one[0], Channel2=other[0], Tone="no")

    async def hang_up(self, manager: ManagerClient) -> bool:
        callers = [name for name in await self._names(manager) if "trunk" in name]
        return bool(callers) and await self._do(manager, "Hangup", Channel=self._random.choice(callers), Cause="16")

    async def stop(self) -> None:
        for task in [*self._later]:
            task.cancel()
        await asyncio.gather(*self._later, return_exceptions=True)

    async def _complete(self, manager: ManagerClient, agent: str, exten: str) -> None:
        """End an attended transfer as an agent does: by hanging up."""
        await asyncio.sleep(self._random.uniform(2, 9))
        with suppress(OSError, TimeoutError):
            # Asterisk (22 and 16) crashes when the agent goes while the target's channel is gone or not yet there.
            if any(name.startswith(f"Local/{exten}@internal-") for name in await self._names(manager)):
                await self._do(manager, "Hangup", Channel=agent, counted="Hangup in a transfer")

    async def _names(self, manager: ManagerClient) -> list[str]:
        return [channel.get("Channel") or "" for channel in await manager.channels()]

    def _maybe_queue(self) -> dict[str, str]:
        return self._random.choice([{}, {"Queue": "help"}, {"Queue": "orders"}])

    async def _talk(self, manager: ManagerClient) -> tuple[str, str] | None:
        """A caller and an agent who talk: their channels' names."""
        bridges: dict[str, list[str]] = {}
        for channel in await manager.channels():
            if bridge := channel.get("BridgeId"):
                bridges.setdefault(bridge, []).append(channel.get("Channel") or "")
        talks = []
        for parties in bridges.values():
            names = sorted(parties, key=lambda name: "trunk" not in name)
            if len(names) == 2 and "trunk" in names[0] and "trunk" not in names[1]:
                talks.append((names[0], names[1]))
        return self._random.choice(talks) if talks else None

    async def _do(self, manager: ManagerClient, action: str, *, counted: str = "", **headers: str) -> bool:
        answer = await manager.ask(action, **headers)
        done = answer.name == "Success"
        (self.accepted if done else self.refused)[counted or action] += 1
        return done

"""The fence: a fact we cause ourselves, whose event tells that all earlier events have come.

Only facts that travel through the same queue as the board's events will do (`Setvar` without a channel, `QueuePause`);
a `UserEvent` can overtake them. What the account may is found out once per session of actions, by trying.
"""

from typing import Literal, final

from vss_router._core import AmiAction
from vss_router.ami.session import AmiSession
from vss_router.errors import AmiError

__all__ = ["Fence", "FenceMethod"]

FenceMethod = Literal["setvar", "queue_pause", "none"]

VARIABLE = "VSS_FENCE"


@final
class Fence:
    """Which fence this account has, and how to raise it.

    `member` is the interface for `QueuePause`; without one that way is not tried.
    """

    def __init__(self, member: str | None) -> None:
        self.member = member
        self.refusals: dict[FenceMethod, str] = {}
        """Why a method is out of the question, in Asterisk's words or ours."""
        self._tried: set[FenceMethod] = set()

    @property
    def method(self) -> FenceMethod:
        """The best method that is not known to fail."""
        if "setvar" not in self.refusals:
            return "setvar"
        if self.member is not None and "queue_pause" not in self.refusals:
            return "queue_pause"
        return "none"

    def forget(self) -> None:
        """A new session: the account's rights may have changed."""
        self.refusals.clear()
        self._tried.clear()

    def rule_out(self, method: FenceMethod, why: str) -> None:
        """Do not use `method` on this session any more."""
        self.refusals[method] = why

    async def settle(self, actions: AmiSession, value: str) -> FenceMethod:
        """Find the method by trying; `value` must not be one that a resync waits for."""
        while (method := self.method) != "none" and method not in self._tried:
            self._tried.add(method)
            await self.raise_(actions, value)
        return self.method

    async def raise_(self, actions: AmiSession, value: str) -> bool:
        """Cause the fact; False when Asterisk refuses, then `method` is another one.

        Raises
        ------
        AmiConnectionError
            The session ended, or no answer came.
        """
        method = self.method
        if method == "none":
            return False
        action = self._setvar(value) if method == "setvar" else await self._queue_pause(actions)
        if action is None:
            self.rule_out(method, f"{self.member} is a member of no queue")
            return False
        response = await actions.request(action)
        if not response.success:
            self.rule_out(method, response.message or response.status)
        return response.success

    def _setvar(self, value: str) -> AmiAction:
        return AmiAction("Setvar", (("Variable", VARIABLE), ("Value", value)))

    async def _queue_pause(self, actions: AmiSession) -> AmiAction | None:
        """The pause the member already has, asked for just before so that nothing is changed."""
        member = self.member or ""
        try:
            _, items = await actions.collect(AmiAction("QueueStatus", {"Member": member}))
        except AmiError:
            return None
        for item in items:
            if item.name == "QueueMember" and item.get("Location") == member:
                headers = [
                    ("Queue", item.get("Queue") or ""),
                    ("Interface", member),
                    ("Paused", "true" if item.get("Paused") == "1" else "false"),
                ]
                if reason := item.get("PausedReason"):
                    headers.append(("Reason", reason))
                return AmiAction("QueuePause", headers)
        return None

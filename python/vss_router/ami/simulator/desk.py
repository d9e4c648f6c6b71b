"""What the simulated Asterisk answers to each action."""

from collections.abc import Callable, Mapping
from typing import Final

from vss_router.ami.capture import Capture
from vss_router.ami.replay_actions import Desk, Studio
from vss_router.ami.replay_link import Action, Link
from vss_router.ami.replay_lists import only
from vss_router.ami.replay_permissions import Account
from vss_router.ami.replay_playhead import Sleep
from vss_router.ami.replay_recording import RecordedList, Recording
from vss_router.ami.simulator.greeting import GREETING
from vss_router.ami.simulator.simulator import Simulator

__all__ = ["SimulatorDesk", "first_moment"]

LISTS: Final = (
    "agents",
    "bridgelist",
    "coresettings",
    "coreshowchannels",
    "corestatus",
    "devicestatelist",
    "extensionstatelist",
    "queuestatus",
    "queuesummary",
    "status",
)
CUT_DOWN: Final[dict[str, tuple[str, ...]]] = {
    "queuestatus": ("Queue", "Member"),
    "queuesummary": ("Queue",),
    "status": ("Channel",),
}
TRUE: Final = frozenset({"yes", "true", "y", "t", "1", "on"})


def first_moment(simulator: Simulator) -> Recording:
    """What the replay's desk asks a recording about the PBX itself: its version, and that it tells times."""
    began = f"Event: FullyBooted\r\nPrivilege: system,all\r\nTimestamp: {simulator.now:.6f}\r\n\r\n".encode()
    lists = [simulator.list(action, f"snap-1-{action}") for action in ("CoreShowChannels", "CoreSettings")]
    return Recording(Capture(b"".join([GREETING, began, *lists]), "the simulator's first moment"))


class SimulatorDesk(Desk):
    """The replay's desk for all that is about the session; lists and changes are the simulator's.

    `sync` lets the simulation catch up with the clock and sends the events of that, so that no list is older than the
    events before it.
    """

    def __init__(
        self,
        studio: Studio,
        simulator: Simulator,
        sync: Callable[[], None],
        *,
        accounts: Mapping[str, Account] | None,
        secret: str | None,
        challenges: Callable[[], int],
        sleep: Sleep,
    ) -> None:
        super().__init__(studio, accounts=accounts, secret=secret, challenges=challenges, sleep=sleep)
        self._simulator = simulator
        self._sync = sync
        self._handlers.pop("bridgeinfo")
        self._handlers |= dict.fromkeys(LISTS, self._list)
        self._handlers |= {
            "originate": self._originate,
            "queueadd": self._queue_add,
            "queuepause": self._queue_pause,
            "queuepenalty": self._queue_penalty,
            "queueremove": self._queue_remove,
        }

    def _list(self, link: Link, action: Action) -> None:
        self._sync()
        name = action.name.lower()
        answer = self._simulator.list(name, action.action_id)
        wanted = {key: action.get(key) for key in CUT_DOWN.get(name, ())}
        if any(wanted.values()):
            parts = tuple(part + b"\r\n\r\n" for part in answer.split(b"\r\n\r\n") if part)
            answer = only(RecordedList(name, 0, action.action_id.encode(), parts), action.action_id, wanted)
        link.send(answer)

    def _done(self, link: Link, action: Action, refused: str | None, done: str) -> None:
        status, message = ("Error", refused) if refused else ("Success", done)
        named = f"ActionID: {action.action_id}\r\n" if action.action_id else ""
        link.send(f"Response: {status}\r\n{named}Message: {message}\r\n\r\n".encode())
        self._sync()

    def _queue_pause(self, link: Link, action: Action) -> None:
        interface, paused = action.get("Interface"), action.get("Paused").lower()
        refused: str | None = "Need 'Interface' and 'Paused' parameters."
        on = paused in TRUE
        if interface and paused:
            refused = self._simulator.control.pause(
                interface, action.get("Queue"), paused=on, reason=action.get("Reason")
            )
        self._done(link, action, refused, f"Interface {'' if on else 'un'}paused successfully")

    def _queue_add(self, link: Link, action: Action) -> None:
        refused = self._simulator.control.add(
            action.get("Interface"),
            action.get("Queue"),
            penalty=_number(action.get("Penalty")),
            paused=action.get("Paused").lower() in TRUE,
        )
        self._done(link, action, refused, "Added interface to queue")

    def _queue_remove(self, link: Link, action: Action) -> None:
        refused = self._simulator.control.remove(action.get("Interface"), action.get("Queue"))
        self._done(link, action, refused, "Removed interface from queue")

    def _queue_penalty(self, link: Link, action: Action) -> None:
        refused = self._simulator.control.penalty(
            action.get("Interface"), _number(action.get("Penalty")), action.get("Queue")
        )
        self._done(link, action, refused, "Interface penalty set successfully")

    def _originate(self, link: Link, action: Action) -> None:
        refused = self._simulator.control.originate(
            action.get("Channel"),
            action.get("Exten"),
            action_id=action.action_id,
            uniqueid=action.get("ChannelId"),
        )
        self._done(link, action, refused, "Originate successfully queued")


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return 0

"""Channels and bridges as Asterisk knows them, and how AMI spells them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vss_router.ami.simulator.membership import Operator

__all__ = ["DOWN", "RING", "RINGING", "UP", "Bridge", "Channel"]

DOWN, RING, RINGING, UP = 0, 4, 5, 6
STATE_NAMES = {DOWN: "Down", RING: "Ring", RINGING: "Ringing", UP: "Up"}

UNKNOWN = "<unknown>"
"""What Asterisk writes for a number or name that is not set."""


class Bridge:
    """A bridge and the channels in it, in the order they came."""

    __slots__ = ("channels", "creator", "kind", "name", "technology", "uniqueid")

    def __init__(
        self,
        uniqueid: str,
        *,
        kind: str = "basic",
        technology: str = "simple_bridge",
        creator: str = UNKNOWN,
        name: str = UNKNOWN,
    ) -> None:
        self.uniqueid = uniqueid
        self.kind = kind
        self.technology = technology
        self.creator = creator
        self.name = name
        self.channels: list[Channel] = []

    def spelled(self, prefix: str = "") -> str:
        """The headers of the bridge, each name with `prefix`."""
        return (
            f"{prefix}BridgeUniqueid: {self.uniqueid}\r\n{prefix}BridgeType: {self.kind}\r\n"
            f"{prefix}BridgeTechnology: {self.technology}\r\n{prefix}BridgeCreator: {self.creator}\r\n"
            f"{prefix}BridgeName: {self.name}\r\n{prefix}BridgeNumChannels: {len(self.channels)}\r\n"
            f"{prefix}BridgeVideoSourceMode: none\r\n"
        )


class Channel:
    """One channel; change it through its methods only, they keep the ready spelling true.

    `device` is whose device state it counts for, None for outside lines and the halves of Local channels.
    """

    __slots__ = (
        "_plain", "_to", "alive", "application", "bridge", "caller_name", "caller_number", "connected_name",
        "connected_number", "context", "created", "data", "device", "exten", "linkedid", "music", "name", "on_hold",
        "priority", "state", "uniqueid",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        uniqueid: str,
        linkedid: str,
        *,
        state: int,
        caller: tuple[str, str],
        context: str,
        exten: str,
        created: int,
        device: "Operator | None" = None,
    ) -> None:
        self.name = name
        self.uniqueid = uniqueid
        self.linkedid = linkedid
        self.state = state
        self.caller_number, self.caller_name = caller
        self.connected_number = self.connected_name = ""
        self.context = context
        self.exten = exten
        self.priority = 1
        self.application = self.data = ""
        self.created = created
        self.device = device
        self.bridge: Bridge | None = None
        self.on_hold = False
        self.music = False
        self.alive = True
        self._plain = self._to = ""

    @property
    def caller(self) -> tuple[str, str]:
        """Number and name of the party at this end."""
        return self.caller_number, self.caller_name

    def becomes(self, state: int) -> None:
        """Set the state, one of the constants above."""
        self.state = state
        self._plain = self._to = ""

    def identify(self, number: str, name: str) -> None:
        """Set the party at this end."""
        self.caller_number = number
        self.caller_name = name
        self._plain = self._to = ""

    def connect(self, number: str, name: str) -> None:
        """Set the party at the other end."""
        self.connected_number = number
        self.connected_name = name
        self._plain = self._to = ""

    def route(self, context: str, exten: str, priority: int = 1) -> None:
        """Set the place in the dialplan."""
        self.context = context
        self.exten = exten
        self.priority = priority
        self._plain = self._to = ""

    def link(self, linkedid: str) -> None:
        """Make the channel part of another call."""
        self.linkedid = linkedid
        self._plain = self._to = ""

    def spelled(self, prefix: str = "") -> str:
        """The headers of the channel, each name with `prefix`."""
        p = prefix
        return (
            f"{p}Channel: {self.name}\r\n{p}ChannelState: {self.state}\r\n"
            f"{p}ChannelStateDesc: {STATE_NAMES[self.state]}\r\n"
            f"{p}CallerIDNum: {self.caller_number or UNKNOWN}\r\n{p}CallerIDName: {self.caller_name or UNKNOWN}\r\n"
            f"{p}ConnectedLineNum: {self.connected_number or UNKNOWN}\r\n"
            f"{p}ConnectedLineName: {self.connected_name or UNKNOWN}\r\n"
            f"{p}Language: en\r\n{p}AccountCode: \r\n{p}Context: {self.context}\r\n{p}Exten: {self.exten}\r\n"
            f"{p}Priority: {self.priority}\r\n{p}Uniqueid: {self.uniqueid}\r\n{p}Linkedid: {self.linkedid}\r\n"
        )

    @property
    def plain(self) -> str:
        """`spelled()`, kept until something changes: most events carry it."""
        if not self._plain:
            self._plain = self.spelled()
        return self._plain

    @property
    def to(self) -> str:
        """`spelled("Dest")`, kept likewise."""
        if not self._to:
            self._to = self.spelled("Dest")
        return self._to

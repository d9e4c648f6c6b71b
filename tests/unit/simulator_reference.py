"""A slow, obvious reader of AMI traffic: what a simulated call centre looks like from its events alone."""

from collections.abc import Iterator

Headers = dict[str, str]
Key = tuple[str, str]

CHANNEL_FIELDS = (
    "Channel", "ChannelState", "CallerIDNum", "CallerIDName", "ConnectedLineNum", "ConnectedLineName", "Context",
    "Exten", "Priority", "Linkedid",
)  # fmt: skip
PREFIXES = (
    "", "Dest", "LocalOne", "LocalTwo", "Source", "Transferer", "Transferee", "OrigTransferer", "SecondTransferer",
    "TransferTarget", "Parkee", "Retriever",
)  # fmt: skip
MEMBER_FIELDS = ("Membership", "Penalty", "LoginTime", "Status", "Paused", "PausedReason", "StateInterface")
SNAPSHOTS = ("QueueStatus", "CoreShowChannels", "DeviceStateList", "BridgeList")


def messages(stream: bytes) -> Iterator[Headers]:
    for block in stream.decode().split("\r\n\r\n"):
        lines = [line.partition(":") for line in block.split("\r\n") if line]
        if lines:
            yield {key: value.strip() for key, _, value in lines}


class Reference:
    """State by plain rules: last word wins, one event at a time."""

    def __init__(self) -> None:
        self.channels: dict[str, Headers] = {}
        self.bridges: set[str] = set()
        self.members: dict[Key, Headers] = {}
        self.waiting: dict[str, list[str]] = {}
        self.devices: dict[str, str] = {}
        self.on_hold: set[str] = set()
        self.lots: set[str] = set()

    def seed(self, lists: bytes) -> None:
        """Begin with what Asterisk's lists say."""
        for message in messages(lists):
            match message.get("Event"):
                case "CoreShowChannel":
                    self.channels[message["Uniqueid"]] = _channel(message) | {
                        "Application": message["Application"],
                        "BridgeId": message["BridgeId"],
                    }
                case "BridgeListItem":
                    self._bridge(message)
                case "QueueParams":
                    self.waiting[message["Queue"]] = []
                case "QueueMember":
                    self.members[message["Queue"], message["Location"]] = _member(message)
                case "QueueEntry":
                    waiting = self.waiting[message["Queue"]]
                    assert int(message["Position"]) == len(waiting) + 1
                    waiting.append(message["Uniqueid"])
                case "DeviceStateChange":
                    self.devices[message["Device"]] = message["State"]

    def apply(self, message: Headers) -> None:
        """Take in one live event."""
        event = message["Event"]
        if event == "Newchannel":
            assert message["Uniqueid"] not in self.channels
            self.channels[message["Uniqueid"]] = _channel(message) | {"Application": "", "BridgeId": ""}
        for prefix in PREFIXES:
            known = self.channels.get(message.get(prefix + "Uniqueid", ""))
            if known is not None and prefix + "ChannelState" in message:
                known |= _channel(message, prefix)
        match event:
            case "Hangup":
                assert self.channels.pop(message["Uniqueid"])["BridgeId"] == ""
            case "Newexten":
                self.channels[message["Uniqueid"]]["Application"] = message["Application"]
            case "BridgeCreate":
                self._bridge(message)
            case "Hold":
                self.on_hold.add(message["Uniqueid"])
            case "Unhold":
                self.on_hold.discard(message["Uniqueid"])
            case "BridgeEnter":
                self._enter(message)
            case "BridgeLeave":
                self._leave(message)
            case "BridgeDestroy":
                assert not self._inside(message["BridgeUniqueid"])
                self.bridges.remove(message["BridgeUniqueid"])
            case "QueueMemberRemoved":
                del self.members[message["Queue"], message["Interface"]]
            case "QueueMemberAdded" | "QueueMemberStatus" | "QueueMemberPause" | "QueueMemberPenalty":
                self.members[message["Queue"], message["Interface"]] = _member(message)
            case "QueueCallerJoin":
                self._join(message)
            case "QueueCallerLeave":
                waiting = self.waiting[message["Queue"]]
                assert waiting.pop(int(message["Position"]) - 1) == message["Uniqueid"]
                assert int(message["Count"]) == len(waiting)
            case "DeviceStateChange":
                self.devices[message["Device"]] = message["State"]

    def _bridge(self, message: Headers) -> None:
        self.bridges.add(message["BridgeUniqueid"])
        if message["BridgeType"] == "parking":
            self.lots.add(message["BridgeUniqueid"])

    def _inside(self, bridge: str) -> list[str]:
        return [uniqueid for uniqueid, channel in self.channels.items() if channel["BridgeId"] == bridge]

    def _enter(self, message: Headers) -> None:
        assert message["BridgeUniqueid"] in self.bridges
        channel = self.channels[message["Uniqueid"]]
        assert channel["BridgeId"] == ""
        channel["BridgeId"] = message["BridgeUniqueid"]
        assert len(self._inside(message["BridgeUniqueid"])) == int(message["BridgeNumChannels"])

    def _leave(self, message: Headers) -> None:
        channel = self.channels[message["Uniqueid"]]
        assert channel["BridgeId"] == message["BridgeUniqueid"]
        channel["BridgeId"] = ""
        assert len(self._inside(message["BridgeUniqueid"])) == int(message["BridgeNumChannels"])

    def _join(self, message: Headers) -> None:
        waiting = self.waiting[message["Queue"]]
        waiting.insert(int(message["Position"]) - 1, message["Uniqueid"])
        assert int(message["Count"]) == len(waiting)

    def without_bridges(self) -> tuple[object, ...]:
        """What a recording's lists tell."""
        return self.channels, self.members, self.waiting, self.devices

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Reference)
            and self.bridges == other.bridges
            and self.without_bridges() == other.without_bridges()
        )

    __hash__ = None  # type: ignore[assignment]


def _channel(message: Headers, prefix: str = "") -> Headers:
    return {name: message[prefix + name] for name in CHANNEL_FIELDS}


def _member(message: Headers) -> Headers:
    return {name: message[name] for name in MEMBER_FIELDS}

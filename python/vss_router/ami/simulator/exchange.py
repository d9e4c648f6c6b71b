"""Channels and bridges: every change of theirs, and the event by which Asterisk announces it."""

from random import Random
from typing import Final

from vss_router.ami.simulator.channel import RINGING, UP, Bridge, Channel
from vss_router.ami.simulator.devices import Devices
from vss_router.ami.simulator.journal import Journal
from vss_router.ami.simulator.membership import Operator
from vss_router.ami.simulator.schedule import Schedule

__all__ = ["NORMAL_CLEARING", "NO_CAUSE", "Exchange"]

NORMAL_CLEARING = 16
NO_CAUSE = 0
CAUSES: Final = {
    0: "Unknown",
    16: "Normal Clearing",
    17: "User busy",
    19: "User alerting, no answer",
}


class Exchange:
    """All channels and bridges of the PBX."""

    def __init__(self, schedule: Schedule, journal: Journal, rng: Random, devices: Devices) -> None:
        self._schedule = schedule
        self._journal = journal
        self._rng = rng
        self._devices = devices
        self._serial = 0
        self._leg_serial = 0
        self._local_serial = 0
        self._optimizations = 0
        self._trunks = 0
        self.channels: dict[str, Channel] = {}  # by Uniqueid
        self.bridges: dict[str, Bridge] = {}
        self.calls_processed = 0

    # -- channels

    def _create(
        self,
        name: str,
        state: int,
        caller: tuple[str, str],
        context: str,
        exten: str,
        linkedid: str | None,
        device: Operator | None = None,
        uniqueid: str | None = None,
    ) -> Channel:
        own = uniqueid or f"{self._schedule.epoch}.{self._serial}"
        self._serial += 1
        channel = Channel(
            name, own, linkedid or own,
            state=state, caller=caller, context=context, exten=exten, created=self._schedule.now, device=device,
        )  # fmt: skip
        self.channels[own] = channel
        if linkedid is None:
            self.calls_processed += 1
        self._journal.call("Newchannel", channel.plain)
        return channel

    def trunk_channel(
        self, state: int, caller: tuple[str, str], context: str, exten: str, linkedid: str | None = None
    ) -> Channel:
        """A new channel of the outside line."""
        name = f"PJSIP/trunk-{self._leg_serial:08x}"
        self._leg_serial += 1
        channel = self._create(name, state, caller, context, exten, linkedid)
        self._trunks += 1
        if self._trunks == 1:
            self._devices.announce("PJSIP/trunk", "INUSE")
        return channel

    def operator_channel(
        self,
        operator: Operator,
        state: int,
        exten: str,
        linkedid: str | None = None,
        uniqueid: str | None = None,
    ) -> Channel:
        """A new channel of an operator's telephone; the device state is for the caller to refresh."""
        name = f"{operator.device}-{self._leg_serial:08x}"
        self._leg_serial += 1
        channel = self._create(name, state, operator.party, "internal", exten, linkedid, operator, uniqueid)
        operator.channels.append(channel)
        operator.occupied = True
        return channel

    def local_pair(self, operator: Operator, linkedid: str) -> tuple[Channel, Channel]:
        """The two halves of a new Local channel towards an operator."""
        name = f"Local/{operator.extension}@internal-{self._local_serial:08x}"
        self._local_serial += 1
        nobody = ("", "")
        one = self._create(f"{name};1", 0, nobody, "internal", operator.extension, linkedid)
        two = self._create(f"{name};2", 4, nobody, "internal", operator.extension, linkedid)
        return one, two

    def newstate(self, channel: Channel, state: int) -> None:
        """Change the state: Newstate."""
        channel.becomes(state)
        self._journal.call("Newstate", channel.plain)

    def answer(self, channel: Channel) -> None:
        """The channel is up."""
        self.newstate(channel, UP)

    def ring(self, channel: Channel) -> None:
        """The telephone at the end of the channel rings."""
        self.newstate(channel, RINGING)

    def newexten(self, channel: Channel, application: str, data: str) -> None:
        """Run an application at the channel's place in the dialplan."""
        channel.application = application
        channel.data = data
        self._journal.announce(
            "Newexten",
            "dialplan",
            f"{channel.plain}Extension: {channel.exten}\r\nApplication: {application}\r\nAppData: {data}\r\n",
        )

    def identify(self, channel: Channel, number: str, name: str) -> None:
        """Change the party at this end: NewCallerid."""
        channel.identify(number, name)
        self._journal.call("NewCallerid", channel.plain + "CID-CallingPres: 0 (Presentation Allowed, Not Screened)\r\n")

    def connect(self, channel: Channel, party: tuple[str, str]) -> None:
        """Change the party at the other end: NewConnectedLine."""
        channel.connect(*party)
        self._journal.call("NewConnectedLine", channel.plain)

    def varset(self, channel: Channel, variable: str, value: object) -> None:
        """Set a variable of a channel: VarSet."""
        self._journal.announce("VarSet", "dialplan", f"{channel.plain}Variable: {variable}\r\nValue: {value}\r\n")

    def hangup_request(self, channel: Channel, cause: int | None = None) -> None:
        """The far end of this channel wants to end."""
        suffix = "" if cause is None else f"Cause: {cause}\r\n"
        self._journal.call("HangupRequest", channel.plain + suffix)

    def soft_hangup(self, channel: Channel, cause: int = NORMAL_CLEARING) -> None:
        """Asterisk itself ends this channel."""
        self._journal.call("SoftHangupRequest", f"{channel.plain}Cause: {cause}\r\n")

    def hangup(self, channel: Channel, cause: int = NORMAL_CLEARING) -> None:
        """The channel is gone; it has left its bridge before."""
        del self.channels[channel.uniqueid]
        channel.alive = False
        self._journal.call("Hangup", f"{channel.plain}Cause: {cause}\r\nCause-txt: {CAUSES[cause]}\r\n")
        if channel.device:
            channel.device.channels.remove(channel)
        elif channel.name.startswith("PJSIP/trunk"):
            self._trunks -= 1
            if not self._trunks:
                self._devices.announce("PJSIP/trunk", "NOT_INUSE")

    def hold(self, channel: Channel, peer: Channel) -> None:
        """The one holding presses hold; the peer hears music."""
        channel.on_hold = True
        self._journal.call("Hold", channel.plain + "MusicClass: default\r\n")
        self.music(peer)

    def unhold(self, channel: Channel, peer: Channel) -> None:
        """The one holding talks again; the music stops."""
        channel.on_hold = False
        self._journal.call("Unhold", channel.plain)
        self.silence(peer)

    def music(self, channel: Channel) -> None:
        """Let the channel hear music, unless it does."""
        if not channel.music:
            channel.music = True
            self._journal.call("MusicOnHoldStart", channel.plain + "Class: default\r\n")

    def silence(self, channel: Channel) -> None:
        """Stop the music, if there is any."""
        if channel.music:
            channel.music = False
            self._journal.call("MusicOnHoldStop", channel.plain)

    # -- bridges

    def create_bridge(self, **described: str) -> Bridge:
        """A new bridge, of the simple kind unless described otherwise."""
        bits = f"{self._rng.getrandbits(128):032x}"
        bridge = Bridge(f"{bits[:8]}-{bits[8:12]}-{bits[12:16]}-{bits[16:20]}-{bits[20:]}", **described)
        self.bridges[bridge.uniqueid] = bridge
        self._journal.call("BridgeCreate", bridge.spelled())
        return bridge

    def enter(self, bridge: Bridge, channel: Channel, swap: Channel | None = None) -> None:
        """Put a channel into a bridge; `swap` is the one that goes for it, with the Leave that follows."""
        bridge.channels.append(channel)
        channel.bridge = bridge
        swapped = f"SwapUniqueid: {swap.uniqueid}\r\n" if swap else ""
        self._journal.call("BridgeEnter", bridge.spelled() + channel.plain + swapped)
        if swap:
            self.leave(swap)

    def leave(self, channel: Channel) -> None:
        """Take a channel out of its bridge, if it is in one."""
        bridge = channel.bridge
        if bridge is None:
            return
        bridge.channels.remove(channel)
        channel.bridge = None
        channel.on_hold = False
        self._journal.call("BridgeLeave", bridge.spelled() + channel.plain)

    def destroy(self, bridge: Bridge) -> None:
        """The bridge is gone; its channels have left before."""
        del self.bridges[bridge.uniqueid]
        self._journal.call("BridgeDestroy", bridge.spelled())

    def talk(self, one: Channel, two: Channel) -> Bridge:
        """Bridge two channels; the younger call takes the Linkedid of the older."""
        bridge = self.create_bridge()
        self.enter(bridge, one)
        self._relink(one, two)
        self.enter(bridge, two)
        self.varset(one, "BRIDGEPEER", two.name)
        self.varset(two, "BRIDGEPEER", one.name)
        return bridge

    def _relink(self, one: Channel, two: Channel) -> None:
        if one.linkedid != two.linkedid:
            oldest = min(one.linkedid, two.linkedid, key=_age)
            one.link(oldest)
            two.link(oldest)

    def merge(self, into: Bridge, source: Bridge, moved: Channel, out: Channel, *, swap: bool) -> None:
        """Move `moved` from the bridge `source` into `into`, where it takes the place of `out`."""
        staying = next(channel for channel in into.channels if channel is not out)
        if not swap:
            self._journal.call("BridgeMerge", into.spelled("To") + source.spelled("From"))
            self.leave(out)
        self.leave(moved)
        self._relink(staying, moved)
        self.enter(into, moved, out if swap else None)

    def optimize(self, one: Channel, two: Channel, moved: Channel) -> None:
        """Take a Local channel out from between two bridges; `moved` shares the bridge of half `one`."""
        near, far = one.bridge, two.bridge
        if near is None or far is None:
            return
        self._optimizations += 1
        pair = one.spelled("LocalOne") + two.spelled("LocalTwo")
        self._journal.call(
            "LocalOptimizationBegin",
            f"{pair}{moved.spelled('Source')}DestUniqueId: {two.uniqueid}\r\nId: {self._optimizations}\r\n",
        )
        self.leave(moved)
        self.enter(far, moved, two)
        self._journal.call("LocalOptimizationEnd", f"{pair}Success: Yes\r\nId: {self._optimizations}\r\n")
        self.leave(one)
        self.destroy(near)
        self.hangup(one)
        self.hangup(two)


def _age(linkedid: str) -> tuple[int, int]:
    seconds, _, serial = linkedid.partition(".")
    return (int(seconds), int(serial)) if seconds.isdecimal() and serial.isdecimal() else (1 << 62, 0)

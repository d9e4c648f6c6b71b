"""Channels: every change of theirs, and the event by which Asterisk announces it."""

from typing import Final

from vss_router.ami.simulator.channel import RINGING, UP, Channel
from vss_router.ami.simulator.devices import Devices
from vss_router.ami.simulator.journal import Journal
from vss_router.ami.simulator.membership import Operator
from vss_router.ami.simulator.schedule import Schedule

__all__ = ["NORMAL_CLEARING", "NO_CAUSE", "Channels"]

NORMAL_CLEARING = 16
NO_CAUSE = 0
CAUSES: Final = {
    0: "Unknown",
    16: "Normal Clearing",
    17: "User busy",
    19: "User alerting, no answer",
}


class Channels:
    """All channels of the PBX."""

    def __init__(self, schedule: Schedule, journal: Journal, devices: Devices) -> None:
        self._schedule = schedule
        self._journal = journal
        self._devices = devices
        self._serial = 0
        self._leg_serial = 0
        self._local_serial = 0
        self._trunks = 0
        self.channels: dict[str, Channel] = {}  # by Uniqueid
        self.calls_processed = 0

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

"""Bridges: channels enter and leave them, and they merge; each change with the event that announces it."""

from random import Random

from vss_router.ami.simulator.channel import Bridge, Channel
from vss_router.ami.simulator.channels import Channels
from vss_router.ami.simulator.devices import Devices
from vss_router.ami.simulator.journal import Journal
from vss_router.ami.simulator.schedule import Schedule

__all__ = ["Exchange"]


class Exchange(Channels):
    """All channels and bridges of the PBX."""

    def __init__(self, schedule: Schedule, journal: Journal, rng: Random, devices: Devices) -> None:
        super().__init__(schedule, journal, devices)
        self._rng = rng
        self._optimizations = 0
        self.bridges: dict[str, Bridge] = {}

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

    def optimize(self, pair: tuple[Channel, Channel], outer: tuple[Channel, Channel]) -> None:
        """Take a Local channel out from between two bridges.

        `outer` are the channels that share the bridges of its halves, in their order; one of the two moves over to the
        other and takes the place of the half there.
        """
        one, two = pair
        moving = self._rng.randrange(2)
        moved, near, place = outer[moving], pair[moving].bridge, pair[1 - moving]
        if near is None or place.bridge is None:
            return
        self._optimizations += 1
        halves = one.spelled("LocalOne") + two.spelled("LocalTwo")
        self._journal.call(
            "LocalOptimizationBegin",
            f"{halves}{moved.spelled('Source')}DestUniqueId: {place.uniqueid}\r\nId: {self._optimizations}\r\n",
        )
        self.leave(moved)
        self.enter(place.bridge, moved, place)
        self._journal.call("LocalOptimizationEnd", f"{halves}Success: Yes\r\nId: {self._optimizations}\r\n")
        self.leave(pair[moving])
        self.destroy(near)
        self.hangup(one)
        self.hangup(two)


def _age(linkedid: str) -> tuple[int, int]:
    seconds, _, serial = linkedid.partition(".")
    return (int(seconds), int(serial)) if seconds.isdecimal() and serial.isdecimal() else (1 << 62, 0)

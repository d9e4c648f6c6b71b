"""The answers to Asterisk's list actions, made from the simulator's own model."""

import time
from collections.abc import Callable, Iterable
from typing import Final

from vss_router.ami.simulator.centre import Centre
from vss_router.ami.simulator.channel import UNKNOWN, Channel
from vss_router.ami.simulator.membership import Member, Queue
from vss_router.ami.simulator.schedule import MICROSECOND

__all__ = ["Lists"]

EXTENSION_STATUS: Final = {
    "NOT_INUSE": (0, "Idle"),
    "INUSE": (1, "InUse"),
    "BUSY": (2, "Busy"),
    "UNAVAILABLE": (4, "Unavailable"),
    "RINGING": (8, "Ringing"),
    "RINGINUSE": (9, "InUse&Ringing"),
    "ONHOLD": (16, "Hold"),
}
VERSION = "22.10.1"


class Lists:
    """Spells the model as Asterisk's lists do."""

    def __init__(self, centre: Centre) -> None:
        self._centre = centre
        self._spelled: dict[str, Callable[[str], str]] = {
            "agents": self._agents,
            "bridgelist": self._bridge_list,
            "coresettings": self._core_settings,
            "coreshowchannels": self._core_show_channels,
            "corestatus": self._core_status,
            "devicestatelist": self._device_state_list,
            "extensionstatelist": self._extension_state_list,
            "queuestatus": self._queue_status,
            "queuesummary": self._queue_summary,
            "status": self._status,
        }

    def answer(self, action: str, action_id: str) -> bytes | None:
        """The whole answer to a list action, or None for an action that is not one of those above."""
        spell = self._spelled.get(action.lower())
        return spell(action_id).encode() if spell else None

    def _list(self, action_id: str, message: str, items: Iterable[str], complete: str) -> str:
        named = f"ActionID: {action_id}\r\n" if action_id else ""
        parts = [f"Response: Success\r\n{named}EventList: start\r\nMessage: {message}\r\n\r\n", *items]
        count = len(parts) - 1
        extra = f"Items: {count}\r\n" if complete == "StatusComplete" else ""
        parts.append(f"Event: {complete}\r\n{named}EventList: Complete\r\nListItems: {count}\r\n{extra}\r\n")
        return "".join(parts)

    # -- channels and bridges

    def _since(self, channel: Channel) -> int:
        return (self._centre.schedule.now - channel.created) // MICROSECOND

    def _core_show_channels(self, action_id: str) -> str:
        named = f"ActionID: {action_id}\r\n" if action_id else ""

        def item(channel: Channel) -> str:
            age = self._since(channel)
            return (
                f"Event: CoreShowChannel\r\n{named}{channel.plain}Application: {channel.application}\r\n"
                f"ApplicationData: {channel.data}\r\n"
                f"Duration: {age // 3600:02d}:{age // 60 % 60:02d}:{age % 60:02d}\r\n"
                f"BridgeId: {channel.bridge.uniqueid if channel.bridge else ''}\r\n\r\n"
            )

        channels = self._centre.exchange.channels.values()
        return self._list(action_id, "Channels will follow", map(item, channels), "CoreShowChannelsComplete")

    def _status(self, action_id: str) -> str:
        named = f"ActionID: {action_id}\r\n" if action_id else ""

        def item(channel: Channel) -> str:
            return (
                f"Event: Status\r\nPrivilege: Call\r\n{channel.plain}Type: {channel.name.partition('/')[0]}\r\n"
                f"DNID: \r\nEffectiveConnectedLineNum: {channel.connected_number or UNKNOWN}\r\n"
                f"EffectiveConnectedLineName: {channel.connected_name or UNKNOWN}\r\nTimeToHangup: 0\r\n"
                f"BridgeID: {channel.bridge.uniqueid if channel.bridge else ''}\r\n"
                f"Application: {channel.application}\r\nData: {channel.data}\r\nNativeformats: (alaw)\r\n"
                "Readformat: alaw\r\nReadtrans: \r\nWriteformat: alaw\r\nWritetrans: \r\nCallgroup: 0\r\n"
                f"Pickupgroup: 0\r\nSeconds: {self._since(channel)}\r\n{named}\r\n"
            )

        channels = self._centre.exchange.channels.values()
        return self._list(action_id, "Channel status will follow", map(item, channels), "StatusComplete")

    def _bridge_list(self, action_id: str) -> str:
        named = f"ActionID: {action_id}\r\n" if action_id else ""
        items = (
            f"Event: BridgeListItem\r\n{named}{bridge.spelled()}\r\n"
            for bridge in self._centre.exchange.bridges.values()
        )
        return self._list(action_id, "Bridge listing will follow", items, "BridgeListComplete")

    # -- queues

    def _queue_status(self, action_id: str) -> str:
        named = f"ActionID: {action_id}\r\n" if action_id else ""
        items: list[str] = []
        for queue in self._centre.queues:
            items.append(f"Event: QueueParams\r\n{_params(queue)}{named}\r\n")
            items += [f"Event: QueueMember\r\n{_member(member)}{named}\r\n" for member in queue.members.values()]
            items += [f"Event: QueueEntry\r\n{entry}{named}\r\n" for entry in self._entries(queue)]
        return self._list(action_id, "Queue status will follow", items, "QueueStatusComplete")

    def _entries(self, queue: Queue) -> Iterable[str]:
        now = self._centre.schedule.now
        for position, visit in enumerate(queue.visits, 1):
            channel = visit.channel
            yield (
                f"Queue: {queue.name}\r\nPosition: {position}\r\nChannel: {channel.name}\r\n"
                f"Uniqueid: {channel.uniqueid}\r\nCallerIDNum: {channel.caller_number or 'unknown'}\r\n"
                f"CallerIDName: {channel.caller_name or 'unknown'}\r\n"
                f"ConnectedLineNum: {channel.connected_number or 'unknown'}\r\n"
                f"ConnectedLineName: {channel.connected_name or 'unknown'}\r\n"
                f"Wait: {(now - visit.joined) // MICROSECOND}\r\nPriority: {visit.priority}\r\n"
            )

    def _queue_summary(self, action_id: str) -> str:
        named = f"ActionID: {action_id}\r\n" if action_id else ""
        now = self._centre.schedule.now
        items = [
            f"Event: QueueSummary\r\nQueue: {queue.name}\r\n"
            f"LoggedIn: {sum(member.operator.reachable for member in queue.members.values())}\r\n"
            f"Available: {len(queue.idle)}\r\nCallers: {len(queue.visits)}\r\nHoldTime: {queue.holdtime}\r\n"
            f"TalkTime: {queue.talktime}\r\n"
            f"LongestHoldTime: {max(((now - visit.joined) // MICROSECOND for visit in queue.visits), default=0)}\r\n"
            f"{named}\r\n"
            for queue in self._centre.queues
        ]
        return self._list(action_id, "Queue summary will follow", items, "QueueSummaryComplete")

    # -- devices and extensions

    def _device_state_list(self, action_id: str) -> str:
        named = f"ActionID: {action_id}\r\n" if action_id else ""
        states = {operator.device: operator.device_state for operator in self._centre.operators}
        states |= self._centre.devices.others
        items = [
            f"Event: DeviceStateChange\r\n{named}Device: {device}\r\nState: {state}\r\n\r\n"
            for device, state in states.items()
        ]
        return self._list(action_id, "Device State Changes will follow", items, "DeviceStateListComplete")

    def _extension_state_list(self, action_id: str) -> str:
        named = f"ActionID: {action_id}\r\n" if action_id else ""
        items = []
        for operator in self._centre.operators:
            number, text = EXTENSION_STATUS[operator.device_state]
            items.append(
                f"Event: ExtensionStatus\r\n{named}Exten: {operator.extension}\r\nContext: internal\r\n"
                f"Hint: {operator.device}\r\nStatus: {number}\r\nStatusText: {text}\r\n\r\n"
            )
        return self._list(action_id, "Extension Statuses will follow", items, "ExtensionStateListComplete")

    def _agents(self, action_id: str) -> str:
        return self._list(action_id, "Agents will follow", (), "AgentsComplete")

    # -- the PBX itself

    def _core_status(self, action_id: str) -> str:
        booted = time.gmtime(self._centre.booted)
        day, clock = time.strftime("%Y-%m-%d", booted), time.strftime("%H:%M:%S", booted)
        exchange = self._centre.exchange
        return _single(
            action_id,
            f"CoreStartupDate: {day}\r\nCoreStartupTime: {clock}\r\nCoreReloadDate: {day}\r\n"
            f"CoreReloadTime: {clock}\r\nCoreCurrentCalls: {len(exchange.channels)}\r\n"
            f"CoreProcessedCalls: {exchange.calls_processed}\r\n",
        )

    def _core_settings(self, action_id: str) -> str:
        return _single(
            action_id,
            f"AMIversion: 11.0.0\r\nAsteriskVersion: {VERSION}\r\nSystemName: \r\nCoreMaxCalls: 0\r\n"
            "CoreMaxLoadAvg: 0.000000\r\nCoreRunUser: \r\nCoreRunGroup: \r\nCoreMaxFilehandles: 0\r\n"
            "CoreRealTimeEnabled: No\r\nCoreCDRenabled: No\r\nCoreHTTPenabled: No\r\nSoundsSearchCustomDir: No\r\n",
        )


def _single(action_id: str, headers: str) -> str:
    named = f"ActionID: {action_id}\r\n" if action_id else ""
    return f"Response: Success\r\n{named}{headers}\r\n"


def _params(queue: Queue) -> str:
    in_level, completed, abandoned = queue.completed_in_level, queue.completed, queue.abandoned
    level = 100 * in_level / completed if completed else 0.0
    level2 = 100 * in_level / (completed + abandoned) if completed + abandoned else 0.0
    return (
        f"Queue: {queue.name}\r\nMax: 0\r\nStrategy: {queue.strategy}\r\nCalls: {len(queue.visits)}\r\n"
        f"Holdtime: {queue.holdtime}\r\nTalkTime: {queue.talktime}\r\nCompleted: {completed}\r\n"
        f"Abandoned: {abandoned}\r\nServiceLevel: {queue.service_level}\r\nServicelevelPerf: {level:.1f}\r\n"
        f"ServicelevelPerf2: {level2:.1f}\r\nWeight: {queue.weight}\r\n"
    )


def _member(member: Member) -> str:
    operator = member.operator
    return (
        f"Queue: {member.queue.name}\r\nName: {operator.name}\r\nLocation: {member.interface}\r\n"
        f"StateInterface: {operator.device}\r\nMembership: {member.membership}\r\nPenalty: {member.penalty}\r\n"
        f"CallsTaken: {member.calls_taken}\r\nLastCall: {member.last_call}\r\nLastPause: {member.last_pause}\r\n"
        f"LoginTime: {member.login_time}\r\nInCall: {member.in_call:d}\r\nStatus: {operator.status}\r\n"
        f"Paused: {member.paused:d}\r\nPausedReason: {member.paused_reason}\r\nWrapuptime: 0\r\n"
    )

"""Recordings written for one test: events at given seconds, lists between them."""

from collections.abc import Iterable

from vss_router.ami.capture import Capture

START = 1_700_000_000.0
GREETING = b"Asterisk Call Manager/11.0.0\r\n"
LOGIN = b"Response: Success\r\nActionID: rec\r\nMessage: Authentication accepted\r\n\r\n"
BOOTED = b"Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: 7\r\nLastReload: 5\r\nStatus: Fully Booted\r\n\r\n"


def event(name: str, at: float | None = None, privilege: str = "call,all", **headers: str) -> bytes:
    """An event `at` seconds after START, without Timestamp if `at` is None."""
    lines = [f"Event: {name}", f"Privilege: {privilege}"]
    if at is not None:
        lines.append(f"Timestamp: {START + at:.6f}")
    lines += [f"{key}: {text}" for key, text in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def listed(action: str, action_id: str, items: Iterable[tuple[str, dict[str, str]]] = (), end: str = "") -> bytes:
    """A list as Asterisk writes it; items are (event name, headers)."""
    items = list(items)
    parts = [f"Response: Success\r\nActionID: {action_id}\r\nEventList: start\r\nMessage: will follow\r\n\r\n"]
    for name, headers in items:
        lines = [f"Event: {name}", *(f"{key}: {text}" for key, text in headers.items()), f"ActionID: {action_id}"]
        parts.append("\r\n".join([*lines, "", ""]))
    end = end or f"{action}Complete"
    parts.append(f"Event: {end}\r\nActionID: {action_id}\r\nEventList: Complete\r\nListItems: {len(items)}\r\n\r\n")
    return "".join(parts).encode()


def queue_status(number: int, calls: int = 0) -> bytes:
    """A QueueStatus list whose `Calls` tells which one it is."""
    return listed("QueueStatus", f"q{number}", [("QueueParams", {"Queue": "help", "Calls": str(calls or number)})])


def channels(number: int, *bridged: tuple[str, str]) -> bytes:
    """A CoreShowChannels list of (channel, bridge) pairs."""
    items = [
        ("CoreShowChannel", {"Channel": name, "Uniqueid": "1.1", "Application": "Queue", "BridgeId": bridge})
        for name, bridge in bridged
    ]
    return listed("CoreShowChannels", f"c{number}", items)


def capture(*parts: bytes, booted: bool = True) -> Capture:
    """A recording of these parts, its login in front."""
    return Capture(b"".join([GREETING, LOGIN, BOOTED if booted else b"", *parts]), "written for this test")

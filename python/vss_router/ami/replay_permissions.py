"""Who may read and do what: Asterisk's classes of events and actions, as `main/manager.c` and the modules give them."""

from typing import Final

import msgspec

__all__ = ["ALL_CLASSES", "Account", "action_classes", "class_mask", "event_class"]

# The order is Asterisk's; the bits are ours, as nobody but an `EventMask` of digits ever sees Asterisk's.
_NAMES: Final = (
    "system",
    "call",
    "log",
    "verbose",
    "command",
    "agent",
    "user",
    "config",
    "dtmf",
    "reporting",
    "cdr",
    "dialplan",
    "originate",
    "agi",
    "hookresponse",
    "cc",
    "aoc",
    "test",
    "security",
    "message",
)
_BITS: Final = {name: 1 << number for number, name in enumerate(_NAMES)}
ALL_CLASSES: Final = (1 << len(_NAMES)) - 1
_TRUE: Final = frozenset({"yes", "true", "y", "t", "1", "on"})
_FALSE: Final = frozenset({"no", "false", "n", "f", "0", "off"})

# Any one of the classes is enough; none means that everybody may.
_ACTIONS: Final[dict[str, tuple[str, ...]]] = {
    "agents": ("agent",),
    "bridgeinfo": (),
    "bridgelist": (),
    "challenge": (),
    "command": ("command",),
    "coresettings": ("system", "reporting"),
    "coreshowchannels": ("system", "reporting"),
    "corestatus": ("system", "reporting"),
    "devicestatelist": ("call", "reporting"),
    "events": (),
    "extensionstatelist": ("call", "reporting"),
    "filter": ("system",),
    "getvar": ("call", "reporting"),
    "login": (),
    "logoff": (),
    "originate": ("originate",),
    "ping": (),
    "presencestatelist": ("call", "reporting"),
    "queueadd": ("agent",),
    "queuepause": ("agent",),
    "queuepenalty": ("agent",),
    "queueremove": ("agent",),
    "queuestatus": (),
    "queuesummary": (),
    "setvar": ("call",),
    "sippeers": ("system", "reporting"),
    "status": ("system", "call", "reporting"),
}


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One manager account: its secret (None: any is accepted) and the classes it may read and write.

    `read` and `write` are written as in `manager.conf`: class names with commas between them, or `all`.
    """

    secret: str | None = None
    read: str = "all"
    write: str = "all"

    @property
    def read_mask(self) -> int:
        """The classes of events it may read."""
        return _names_mask(self.read)

    @property
    def write_mask(self) -> int:
        """The classes of actions it may run."""
        return _names_mask(self.write)


def _names_mask(names: str) -> int:
    mask = 0
    for name in names.lower().split(","):
        mask |= ALL_CLASSES if name.strip() == "all" else _BITS.get(name.strip(), 0)
    return mask


def class_mask(text: str) -> int | None:
    """The mask an `Events` or `EventMask` header asks for, read as Asterisk reads it; None when it is empty."""
    text = text.strip().lower()
    if not text:
        return None
    if text.isdigit():
        return int(text) & ALL_CLASSES
    if text in _FALSE:
        return 0
    if text in _TRUE:
        return ALL_CLASSES
    return _names_mask(text)


def event_class(privilege: bytes) -> int:
    """The classes of an event by its `Privilege` header, where `all` is only Asterisk's way of writing the list."""
    mask = 0
    for name in privilege.decode("latin-1").lower().split(","):
        mask |= _BITS.get(name.strip(), 0)
    return mask


def action_classes(action: str) -> int:
    """The classes of which an account needs one to run the action; 0 when everybody may."""
    mask = 0
    # What is not listed here is a module's own list, such as PJSIPShowEndpoints, and those ask for `system`.
    for name in _ACTIONS.get(action.lower(), ("system",)):
        mask |= _BITS[name]
    return mask

"""What the fake Asterisk answers to each action: in Asterisk's words, from what was recorded."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from vss_router.ami.replay_filters import FilterError
from vss_router.ami.replay_link import Action, Link
from vss_router.ami.replay_lists import bridge_info, bridge_list, only, pause_events
from vss_router.ami.replay_permissions import Account, action_classes, class_mask
from vss_router.ami.replay_playhead import Playhead, Sleep
from vss_router.ami.replay_recording import Recording, header

__all__ = ["Desk", "Studio", "event"]

_TRUE: Final = frozenset({"yes", "true", "y", "t", "1", "on"})
_CUT_DOWN: Final[dict[str, tuple[str, ...]]] = {
    "queuestatus": ("Queue", "Member"),
    "queuesummary": ("Queue",),
    "status": ("Channel",),
}
# What tells nothing of the moment is answered without moving time.
_UNCHANGING: Final = frozenset({"coresettings"})
_FIRST_AMI_WITH_OUTPUT_LINES: Final = 3
_LOGGED_OUT: Final = frozenset({"login", "logoff", "challenge"})
# As ast_escape_c writes a VarSet's value.
_ESCAPED: Final = str.maketrans({
    "\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v",
    "\\": r"\\", "'": r"\'", '"': r"\"", "?": r"\?",
})  # fmt: skip


class Studio(Protocol):
    """What answering needs of the server: the recording being played, its play, and the other sessions."""

    @property
    def recording(self) -> Recording:
        """The recording being played."""

    @property
    def playhead(self) -> Playhead:
        """Where its play is."""

    def now(self) -> float:
        """The PBX's clock in Unix seconds."""

    def publish(self, raw: bytes) -> None:
        """Send an event to every session that reads it."""

    def logged_in(self, link: Link) -> None:
        """A session logged in or changed its mask."""


def event(name: str, privilege: str, now: float | None, *fields: tuple[str, str]) -> bytes:
    """An event as the manager writes it, with a Timestamp if the recording has them."""
    lines = [f"Event: {name}", f"Privilege: {privilege}"]
    if now is not None:
        lines.append(f"Timestamp: {now:.6f}")
    return "\r\n".join([*lines, *(f"{key}: {value}" for key, value in fields), "", ""]).encode()


class Desk:
    """Answers actions, one session at a time.

    `accounts` by user name; None lets everybody in who brings `secret` (or any secret, if that is None too).
    `challenges` gives the decimal number of each `Challenge`. `sleep` waits the second a refused login costs.
    """

    def __init__(
        self,
        studio: Studio,
        *,
        accounts: Mapping[str, Account] | None,
        secret: str | None,
        challenges: Callable[[], int],
        sleep: Sleep,
    ) -> None:
        self._studio = studio
        self._accounts = accounts
        self._anyone = Account(secret=secret)
        self._challenges = challenges
        self._sleep = sleep
        self._variables: dict[str, str] = {}
        self._handlers: dict[str, Callable[[Link, Action], None]] = {
            "bridgeinfo": self._bridge_info,
            "bridgelist": self._bridge_list,
            "challenge": self._challenge,
            "command": self._command,
            "events": self._events,
            "filter": self._filter,
            "getvar": self._getvar,
            "logoff": self._logoff,
            "ping": self._ping,
            "queuepause": self._queue_pause,
            "setvar": self._setvar,
        }

    async def handle(self, link: Link, action: Action) -> None:
        """Answer one action."""
        name = action.name.lower()
        if action.malformed is not None:
            _refuse(link, action, action.malformed)
        elif not name:
            _refuse(link, action, "Missing action in request")
        elif link.account is None and name not in _LOGGED_OUT:
            _refuse(link, action, "Permission denied")
        elif name == "login":
            await self._login(link, action)
        else:
            self._run(link, action, name)

    def _run(self, link: Link, action: Action, name: str) -> None:
        handler = self._handlers.get(name)
        recorded = self._studio.recording.knows("coreshowchannels" if name in {"bridgelist", "bridgeinfo"} else name)
        if not recorded and (handler is None or name in {"bridgelist", "bridgeinfo"}):
            _refuse(
                link,
                action,
                f"Invalid/unknown command: {action.name}. Use Action: ListCommands to show available commands.",
            )
            return
        classes = action_classes(name)
        if classes and link.account is not None and not link.account.write_mask & classes:
            _refuse(link, action, "Permission denied")
            return
        (handler or self._recorded)(link, action)

    async def _login(self, link: Link, action: Action) -> None:
        if link.account is not None:
            _answer(link, action, ("Message", "Already authenticated"))
            return
        account = self._authenticated(link, action)
        if account is None:
            await self._sleep(1.0)
            _refuse(link, action, "Authentication failed")
            link.close()
            return
        link.account = account
        asked = class_mask(action.get("Events"))
        link.events = account.read_mask if asked is None else account.read_mask & asked
        _answer(link, action, ("Message", "Authentication accepted"))
        self._studio.logged_in(link)

    def _authenticated(self, link: Link, action: Action) -> Account | None:
        user = action.get("Username")
        account = self._anyone if self._accounts is None else self._accounts.get(user)
        if not user or account is None:
            return None
        if action.get("AuthType").upper() == "MD5":
            key = action.get("Key")
            if not key or link.challenge is None:
                return None
            if account.secret is None:
                return account
            # The protocol's own digest, not a choice of ours.
            expected = hashlib.md5((link.challenge + account.secret).encode(), usedforsecurity=False).hexdigest()
            return account if hmac.compare_digest(expected, key) else None
        if account.secret is None or hmac.compare_digest(account.secret.encode(), action.get("Secret").encode()):
            return account
        return None

    def _challenge(self, link: Link, action: Action) -> None:
        if action.get("AuthType").upper() != "MD5":
            _refuse(link, action, "Must specify AuthType")
            return
        if link.challenge is None:
            link.challenge = str(self._challenges())
        _answer(link, action, ("Challenge", link.challenge))

    def _ping(self, link: Link, action: Action) -> None:
        _answer(link, action, ("Ping", "Pong"), ("Timestamp", f"{self._studio.now():.6f}"))

    def _logoff(self, link: Link, action: Action) -> None:
        _respond(link, "Goodbye", action, ("Message", "Thanks for all the fish."))
        link.close()

    def _events(self, link: Link, action: Action) -> None:
        asked = class_mask(action.get("EventMask"))
        if asked is None or link.account is None:
            _refuse(link, action, "Invalid event mask")
            return
        link.events = link.account.read_mask & asked
        _answer(link, action, ("Events", "On" if asked else "Off"))
        self._studio.logged_in(link)

    def _filter(self, link: Link, action: Action) -> None:
        if action.get("Operation").lower() != "add":
            _refuse(link, action, "Unknown operation")
            return
        structured = _knows_structured_filters(self._studio.recording)
        try:
            link.filters.add(action.get("Filter"), action.get("MatchCriteria"), structured=structured)
        except FilterError as error:
            _refuse(link, action, str(error))
        else:
            _answer(link, action, ("Message", "Success"))

    def _setvar(self, link: Link, action: Action) -> None:
        variable, value = action.get("Variable"), action.get("Value")
        if not variable:
            _refuse(link, action, "No variable specified")
        elif action.get("Channel"):
            # Recorded channels cannot be changed: what they did next is already written.
            _refuse(link, action, "No such channel")
        else:
            self._variables[variable] = value
            _answer(link, action, ("Message", "Variable Set"))
            self._studio.publish(
                event(
                    "VarSet",
                    "dialplan,all",
                    self._event_time(),
                    ("Channel", "none"),
                    ("Uniqueid", "none"),
                    ("Variable", variable),
                    ("Value", value.translate(_ESCAPED)),
                )
            )

    def _getvar(self, link: Link, action: Action) -> None:
        variable = action.get("Variable")
        if not variable:
            _refuse(link, action, "No variable specified")
        elif action.get("Channel"):
            _refuse(link, action, "No such channel")
        else:
            _answer(link, action, ("Variable", variable), ("Value", self._variables.get(variable, "")))

    def _queue_pause(self, link: Link, action: Action) -> None:
        interface, paused = action.get("Interface"), action.get("Paused")
        if not interface or not paused:
            _refuse(link, action, "Need 'Interface' and 'Paused' parameters.")
            return
        on = paused.lower() in _TRUE
        raw_events = pause_events(
            self._studio.recording,
            self._studio.playhead.place,
            interface,
            action.get("Queue"),
            paused=on,
            reason=action.get("Reason"),
            now=self._event_time(),
        )
        if not raw_events:
            _refuse(link, action, "Interface not found")
            return
        _answer(link, action, ("Message", f"Interface {'' if on else 'un'}paused successfully"))
        for raw in raw_events:
            self._studio.publish(raw)

    def _command(self, link: Link, action: Action) -> None:
        command = action.get("Command")
        if not command:
            _refuse(link, action, "No command provided")
            return
        settings = self._studio.recording.last_list("coresettings")
        if command == "core show version" and settings is not None:
            status, output = "Success", f"Asterisk {header(settings.parts[0], 'AsteriskVersion')}"
        else:
            status = "Error"
            output = f"No such command '{command}' (type 'core show help {command}' for other possible commands)"
        if _ami_version(self._studio.recording) < _FIRST_AMI_WITH_OUTPUT_LINES:
            named = f"ActionID: {action.action_id}\r\n" if action.action_id else ""
            link.send(f"Response: Follows\r\nPrivilege: Command\r\n{named}{output}\n--END COMMAND--\r\n\r\n".encode())
        else:
            _respond(link, status, action, ("Message", "Command output follows"), ("Output", output))

    def _recorded(self, link: Link, action: Action) -> None:
        """Answer with the next recorded list: events up to it first, then never one older than them."""
        studio, name = self._studio, action.name.lower()
        if name in _UNCHANGING:
            entry = studio.recording.last_list(name)
        else:
            entry = studio.recording.next_list(name, studio.playhead.place)
            if entry is not None:
                studio.playhead.ask(entry.place)
        if entry is None:
            _refuse(link, action, _past_the_last(action.name))
            return
        wanted = {key: action.get(key) for key in _CUT_DOWN.get(name, ())}
        if not any(wanted.values()):
            link.send(entry.answer(action.action_id))
            return
        answer = only(entry, action.action_id, wanted)
        if wanted.get("Channel") and b"\nEvent: Status\r\n" not in answer:
            _refuse(link, action, "No such channel")
        else:
            link.send(answer)

    def _bridge_list(self, link: Link, action: Action) -> None:
        studio = self._studio
        channels = studio.recording.next_list("coreshowchannels", studio.playhead.place)
        if channels is None:
            _refuse(link, action, _past_the_last(action.name))
            return
        studio.playhead.ask(channels.place)
        link.send(bridge_list(studio.recording, channels, action.action_id, action.get("BridgeType")))

    def _bridge_info(self, link: Link, action: Action) -> None:
        studio, bridge = self._studio, action.get("BridgeUniqueid")
        if not bridge:
            _refuse(link, action, "BridgeUniqueid must be provided")
            return
        channels = studio.recording.next_list("coreshowchannels", studio.playhead.place)
        if channels is None:
            _refuse(link, action, _past_the_last(action.name))
            return
        studio.playhead.ask(channels.place)
        answer = bridge_info(studio.recording, channels, action.action_id, bridge)
        if answer is None:
            _refuse(link, action, "Specified BridgeUniqueid not found")
        else:
            link.send(answer)

    def _event_time(self) -> float | None:
        return self._studio.now() if self._studio.recording.timestamped else None


def _past_the_last(action: str) -> str:
    return f"The recording holds no {action} after this point"


def _ami_version(recording: Recording) -> int:
    number = recording.greeting.rpartition(b"/")[2].split(b".")[0].strip()
    return int(number) if number.isdigit() else 0


def _knows_structured_filters(recording: Recording) -> bool:
    settings = recording.last_list("coresettings")
    version = header(settings.parts[0], "AsteriskVersion") if settings is not None else None
    numbers = [int(part) for part in (version or "").split("+")[0].split("~")[0].split(".")[:2] if part.isdigit()]
    if len(numbers) < 2:
        return _ami_version(recording) >= 11
    first = {18: 26, 20: 11, 21: 6, 22: 1}.get(numbers[0])
    return numbers[0] > 22 if first is None else numbers[1] >= first


def _respond(link: Link, status: str, action: Action, *fields: tuple[str, str]) -> None:
    lines = [f"Response: {status}"]
    if action.action_id:
        lines.append(f"ActionID: {action.action_id}")
    lines += [f"{key}: {value}" for key, value in fields]
    link.send("\r\n".join([*lines, "", ""]).encode())


def _answer(link: Link, action: Action, *fields: tuple[str, str]) -> None:
    _respond(link, "Success", action, *fields)


def _refuse(link: Link, action: Action, message: str) -> None:
    _respond(link, "Error", action, ("Message", message))

"""Settings: one set of names for command line, environment and TOML file.

A name such as `log_level` is `--log-level` on the command line, `VSS_ROUTER_LOG_LEVEL` in the environment and
`log_level` in the file that `--config` (or `VSS_ROUTER_CONFIG`) names. The nearer one wins:
command line, then environment, then file, then default. A list given nearer replaces the whole list further away.

```toml
ami = ["main=router:secret@pbx.example:5038"]
http = "127.0.0.1:3000"

[queues.support]
wrapup_seconds = 15
```

On one line, as an option or an environment variable needs it, lists are separated by blanks and a queue's setting is
written `support.wrapup_seconds=15`.
"""

import difflib
import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args, get_origin

import msgspec
import platformdirs

from vss_router.errors import SettingsError

__all__ = [
    "ENVIRONMENT_PREFIX",
    "BrokerTransport",
    "LogFormat",
    "LogLevel",
    "QueueOverride",
    "QueueSettings",
    "Settings",
    "host_and_port",
    "load_settings",
]

ENVIRONMENT_PREFIX: Final = "VSS_ROUTER_"
_ELSEWHERE: Final = frozenset({"config"})
"""Names with our prefix that are read elsewhere: `config` says which file to read. So are the secrets of PBXs."""
_AMI_SECRET: Final = "ami_secret"  # noqa: S105 - a prefix of names, not a secret

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["text", "json"]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
PositiveSeconds = Annotated[float, msgspec.Meta(gt=0)]
PositiveInteger = Annotated[int, msgspec.Meta(ge=1)]
WholeNumber = Annotated[int, msgspec.Meta(ge=0)]
Priority = Annotated[int, msgspec.Meta(ge=0, le=255)]
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
RowCompression = Literal["none", "zstd"]
BrokerTransport = Literal["lapin", "aio_pika"]
_NUMBERS: Final = (Seconds, PositiveSeconds, PositiveInteger, WholeNumber, Priority, Fraction)


class QueueSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What AMI does not tell about a queue. `wrapup_seconds` is the queue's wrap-up time."""

    wrapup_seconds: Seconds = 0.0


class QueueOverride(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is changed about one of the broker's queues; what is left out stays as messages.md has it, 0 is no limit.

    `max_priority` makes a priority queue of it, an argument that whoever else declares the queue must then give too.
    """

    ttl_seconds: Seconds | None = None
    max_length: WholeNumber | None = None
    overflow: Literal["drop-head", "reject-publish", "reject-publish-dlx"] | None = None
    dead_letter_exchange: str | None = None
    dead_letter_key: str | None = None
    max_priority: Priority | None = None


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be set. Durations are seconds; `QueueSettings` are by queue name, `"*"` for all others."""

    ami: list[str] = []
    """The PBXs, as `main=user:secret@host:5038` or `main=amis://user:secret@host:5039?ca=…`; percent-encoded."""
    http: str = "127.0.0.1:3000"
    """Where the REST interface listens, `host:port`; an address that is not loopback needs `http_token`."""
    http_token: str | None = None
    """The bearer token that every REST request must then carry."""
    http_token_file: str | None = None
    """A file whose first line is `http_token`."""
    data_dir: str | None = None
    """Folder for what must outlive the process; by default the XDG state folder. One process at a time."""
    log_level: LogLevel = "info"
    log_format: LogFormat = "text"
    queues: dict[str, QueueSettings] = {}
    trunks: list[str] = msgspec.field(default_factory=lambda: ["*/trunk*"])
    """Channel name patterns of outside lines; `*` is any text."""
    ended_seconds: Seconds = 60.0
    """How long an ended call stays readable."""
    window_seconds: PositiveSeconds = 86_400.0
    """The window of a queue's averages and service level."""
    resync_seconds: Seconds = 300.0
    """Period of the comparison with Asterisk's own lists, jittered; 0 turns the periodic one off."""
    redis: str | None = None
    """Where live status is published: `redis://…`, `rediss://…`, `unix://…`, `redis+sentinel://…`, `redis+cluster://…`."""
    redis_prefix: str = "queue"
    """What every key begins with."""
    redis_ttl_seconds: PositiveSeconds = 3600.0
    """How long a row outlives the router that wrote it."""
    redis_flush_rows: PositiveInteger = 512
    """At most so many rows are written by one flush."""
    redis_flush_seconds: Seconds = 0.002
    """How long a change may wait for others to be written with."""
    redis_compress: RowCompression = "none"
    """`zstd` stores rows compressed; other programs then cannot read them as JSON."""
    database: str | None = None
    """Where history stands: `sqlite:///file`, `postgresql://…`, or `none`; `serve` uses SQLite in the data folder."""
    database_days: Seconds = 90.0
    """How long history is kept, days; 0 keeps it for ever."""

    broker: str = "embedded"
    """Where messages go: `amqp://user:password@host:5672/%2Fvss`, `amqps://…`, `embedded` (inside us) or `none`."""
    broker_transport: BrokerTransport = "lapin"
    """The client library for `amqp://`: `lapin` in the compiled core, or `aio_pika`."""
    broker_queues: dict[str, QueueOverride] = {}
    """Limits and arguments of queues that are to differ from the usual ones, by queue name."""
    instance: str | None = None
    """What this process is called in the names of queues of its own; by default the host's name."""
    outbox_messages: PositiveInteger = 50_000
    """So many messages may wait in memory to be published; more go to disk."""
    outbox_disk_bytes: PositiveInteger = 1_000_000_000
    """How much disk may hold what waits to be published."""
    message_log: Fraction = 0.0
    """Share of messages that are logged to the table `rabbitmq_log`, 0 to 1."""
    drain_seconds: Seconds = 10.0
    """How long a stop waits for handlers of messages under way."""

    @property
    def data_folder(self) -> Path:
        """`data_dir`, or the XDG state folder when it is not set."""
        return Path(self.data_dir) if self.data_dir else platformdirs.user_state_path("vss-router", appauthor=False)

    @property
    def database_url(self) -> str | None:
        """`database`, or None when there is to be none."""
        return None if self.database in {None, "none"} else self.database

    @property
    def http_listen(self) -> tuple[str, int]:
        """`http` as host and port.

        Raises
        ------
        SettingsError
            It is not written as `host:port`.
        """
        return host_and_port(self.http, "http")

    @property
    def wrapup_seconds(self) -> dict[str, float]:
        """Wrap-up per queue name, as `StatusBoard` wants it."""
        return {name: queue.wrapup_seconds for name, queue in self.queues.items()}


def host_and_port(text: str, name: str) -> tuple[str, int]:
    """`127.0.0.1:3000`, `[::1]:3000` or `:3000` as host (empty: all addresses) and port, for the setting `name`.

    Raises
    ------
    SettingsError
        It is not written like that.
    """
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not (port.isascii() and port.isdigit() and int(port) < 65_536) or (":" in host and not bracketed):
        raise SettingsError(f'the setting "{name}" must be written as host:port, such as 127.0.0.1:3000, not "{text}"')
    return host.removeprefix("[").removesuffix("]"), int(port)


_QUEUE_TABLES: Final[dict[str, type[QueueSettings] | type[QueueOverride]]] = {
    "queues": QueueSettings,
    "broker_queues": QueueOverride,
}
_BOUNDS: Final = {">=": "at least", ">": "more than", "<=": "at most"}
_FIELDS: Final = {field.name: field for field in msgspec.structs.fields(Settings)}


def load_settings(
    options: Mapping[str, Any] | None = None,
    *,
    config: str | Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Read file and environment, lay `options` over them.

    `options` are settings by name, those that are None are taken as not given; `environ` is the environment (none
    when left out: an embedding program decides what it wants read); `config` names the TOML file.

    Raises
    ------
    SettingsError
        An unknown name or a wrong value; the message names the setting and where it stands.
    """
    environ = environ or {}
    layers: list[dict[str, Any]] = [{}, {}, {}]
    in_file, in_environment, in_options = layers
    path = config or environ.get(f"{ENVIRONMENT_PREFIX}CONFIG")
    if path:
        for name, value in _read_file(Path(path)).items():
            in_file[name] = _checked(name, value, f"in {path}", written_as=name, one_line=False)
    for variable, value in environ.items():
        name = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
        if not variable.startswith(ENVIRONMENT_PREFIX) or name in _ELSEWHERE or name.startswith(_AMI_SECRET):
            continue
        in_environment[name] = _checked(name, value, "in the environment", written_as=variable, one_line=True)
    for name, value in (options or {}).items():
        if value is not None:
            option = f"--{name.replace('_', '-')}"
            in_options[name] = _checked(name, value, "on the command line", written_as=option, one_line=True)
    values: dict[str, Any] = {}
    for layer in layers:
        if "http_token_file" in layer:  # two spellings of one setting: the nearer one wins, whichever it is
            values.pop("http_token", None)
        values |= layer
    return _with_token(Settings(**values))


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"the settings file {path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"the settings file {path} is not UTF-8 text; save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"the settings file {path} is not valid TOML: {error}") from error


def _checked(name: str, value: object, place: str, *, written_as: str, one_line: bool) -> object:
    """`value` as the setting's type. `one_line`: texts stand for lists, tables and numbers too."""
    field = _FIELDS.get(name)
    if field is None:
        near = difflib.get_close_matches(name, _FIELDS, n=1)
        way_out = f'did you mean "{near[0]}"?' if near else f"known settings are {', '.join(_FIELDS)}"
        raise SettingsError(f'unknown setting "{written_as}" {place}: {way_out}')
    if name in _QUEUE_TABLES:
        table = _queues_of_lines(value, place, written_as) if one_line else value
        return _checked_queues(table, _QUEUE_TABLES[name], place, written_as, strict=not one_line)
    if one_line and field.type == list[str] and isinstance(value, str):
        value = value.split()
    return _converted(value, field.type, f'"{written_as}" {place}', strict=not one_line)


def _converted(value: object, wanted: object, what: str, *, strict: bool) -> Any:
    try:
        converted = msgspec.convert(value, wanted, strict=strict)
    except msgspec.ValidationError as error:
        raise SettingsError(f"the setting {what} must be {_expectation(error, value, wanted)}") from error
    if converted == math.inf:  # a time without end: TOML and float() know it, no clock does
        raise SettingsError(f"the setting {what} must be a finite number, not {value}")
    return converted


def _expectation(error: msgspec.ValidationError, value: object, wanted: object) -> str:
    """msgspec's words (``Expected `float`, got `str` ``) as the rest of our sentence."""
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    if type(None) in get_args(wanted):
        wanted = get_args(wanted)[0]
    if get_origin(wanted) is Literal:
        return f"one of {', '.join(get_args(wanted))}, not {shown}"
    if bound := re.search(r"Expected `\w+` (>=|>|<=) ([\d.]+)", str(error)):
        return f"{_BOUNDS[bound[1]]} {float(bound[2]):g}, not {shown}"
    if wanted == list[str]:
        return f"a list of texts, not {shown}"
    return f"{'a number' if wanted in _NUMBERS else 'text'}, not {shown}"


def _checked_queues(
    table: object,
    row_type: type[QueueSettings] | type[QueueOverride],
    place: str,
    written_as: str,
    *,
    strict: bool,
) -> dict[str, QueueSettings | QueueOverride]:
    if not isinstance(table, dict):
        raise SettingsError(f'the setting "{written_as}" {place} must be a table of queues, such as [queues.support]')
    known = {field.name: field for field in msgspec.structs.fields(row_type)}
    queues: dict[str, QueueSettings | QueueOverride] = {}
    for queue, row in table.items():
        if not isinstance(row, dict):
            raise SettingsError(f'the setting "{written_as}.{queue}" {place} must be a table, such as [queues.{queue}]')
        for key in row.keys() - known.keys():
            raise SettingsError(f'unknown setting "{written_as}.{queue}.{key}" {place}: a queue has {", ".join(known)}')
        queues[queue] = row_type(
            **{
                key: _converted(value, known[key].type, f'"{written_as}.{queue}.{key}" {place}', strict=strict)
                for key, value in row.items()
            }
        )
    return queues


def _queues_of_lines(value: object, place: str, written_as: str) -> object:
    """`["support.wrapup_seconds=15", …]`, or one text of them, as the table a file would hold."""
    if isinstance(value, Mapping):
        return dict(value)
    table: dict[str, dict[str, str]] = {}
    items = value.split() if isinstance(value, str) else value
    if not isinstance(items, Iterable):
        return items
    for item in items:
        left, equals, number = str(item).partition("=")
        queue, dot, key = left.rpartition(".")
        if not (equals and dot and queue):
            raise SettingsError(
                f'the setting "{written_as}" {place} must look like support.wrapup_seconds=15, not "{item}"'
            )
        table.setdefault(queue, {})[key] = number
    return table


def _with_token(settings: Settings) -> Settings:
    """The token out of `http_token_file`, so that it need not stand on a command line or in the environment."""
    if not settings.http_token_file or settings.http_token:
        return settings
    try:
        lines = Path(settings.http_token_file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SettingsError(f'"http_token_file" {settings.http_token_file} cannot be read: {reason}') from error
    token = lines[0].strip() if lines else ""
    if not token:
        raise SettingsError(f'"http_token_file" {settings.http_token_file} has no token in its first line')
    return msgspec.structs.replace(settings, http_token=token)

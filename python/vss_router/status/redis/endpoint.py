"""Where a Redis is and how to log in to it, as `--redis` writes it.

```
redis://user:password@host:6379/0                        one server; rediss:// speaks TLS
unix:///run/redis/redis.sock?db=0                        one server on this machine
redis+sentinel://host1:26379,host2/MASTER/0              the master that Sentinel names
redis+cluster://host1:6379,host2                         a Cluster
```

Parts are percent-encoded (`%40` for `@`). Options: `ca`, `cert`, `key` (PEM files; need TLS: `rediss://`,
`rediss+sentinel://`, `rediss+cluster://`), `password_file` or `password_env` instead of a password in the URL, `db`
(`unix://`), `sentinel_username` and `sentinel_password_file` or `sentinel_password_env` (of the Sentinels themselves).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, quote, unquote

import msgspec

from vss_router.errors import SettingsError
from vss_router.secret import Secret

__all__ = ["RedisEndpoint", "RedisMode", "parse_redis_url"]

RedisMode = Literal["standalone", "sentinel", "cluster"]

DEFAULT_PORT: Final = 6379
DEFAULT_SENTINEL_PORT: Final = 26379
_MODES: Final[dict[str, RedisMode]] = {"": "standalone", "sentinel": "sentinel", "cluster": "cluster"}
_FILES: Final = ("ca", "cert", "key")
_OPTIONS: Final = (
    *_FILES,
    "password_file",
    "password_env",
    "db",
    "sentinel_username",
    "sentinel_password_file",
    "sentinel_password_env",
)


class RedisEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One Redis, a Sentinel's master or a Cluster. Neither `repr` nor `url` shows a password."""

    mode: RedisMode = "standalone"
    addresses: tuple[tuple[str, int], ...] = ()
    """Of the server, the Sentinels, or nodes of the Cluster; none with `unix_path`."""
    unix_path: str | None = None
    master: str | None = None
    database: int = 0
    username: str | None = None
    password: Secret | None = None
    sentinel_username: str | None = None
    sentinel_password: Secret | None = None
    tls: bool = False
    ca: str | None = None
    """PEM file of the authority to trust; the system's ones without it."""
    certificate: str | None = None
    private_key: str | None = None

    @property
    def url(self) -> str:
        """Where it is, for people: `redis+sentinel://host:26379/vss/0`."""
        if self.unix_path is not None:
            return f"unix://{quote(self.unix_path)}?db={self.database}"
        scheme = ("rediss" if self.tls else "redis") + ("" if self.mode == "standalone" else f"+{self.mode}")
        login = f"{quote(self.username)}@" if self.username else ""
        hosts = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.addresses)
        path = {"standalone": f"/{self.database}", "sentinel": f"/{self.master}/{self.database}", "cluster": ""}
        return f"{scheme}://{login}{hosts}{path[self.mode]}"

    def __repr__(self) -> str:
        return f"RedisEndpoint({self.url!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("url", self.url)]


def parse_redis_url(text: str, environ: Mapping[str, str] | None = None) -> RedisEndpoint:
    """Read an endpoint as `--redis` takes it.

    `environ` is where `password_env=NAME` is looked up; none when left out. A `password_file` is read at once, its
    first line is the password.

    Raises
    ------
    SettingsError
        The text cannot be used; the message names the part at fault, never a password.
    """
    scheme, slashes, rest = text.strip().partition("://")
    base, _, kind = scheme.partition("+")
    is_unix = scheme == "unix"
    if not slashes or not (is_unix or (base in {"redis", "rediss"} and kind in _MODES)):
        raise SettingsError(
            '"--redis" must be a URL that begins with redis://, rediss://, unix://, redis+sentinel:// or '
            "redis+cluster://, such as redis://127.0.0.1:6379/0"
        )
    tls, mode = base == "rediss", _MODES.get(kind, "standalone")
    place, _, query = rest.partition("?")
    options = _options(query)
    for name in _FILES:
        if name in options and not tls:
            raise SettingsError(f'"--redis": "{name}" needs TLS; write the URL with rediss://')
        if name in options and not Path(options[name]).is_file():
            raise SettingsError(f'"--redis": "{name}" names {options[name]}, which is not a file')
    if ("cert" in options) != ("key" in options):
        raise SettingsError('"--redis" needs both "cert" and "key", the certificate and its private key')
    userinfo, at, place = place.rpartition("@")
    username, colon, written = userinfo.partition(":") if at else ("", "", "")
    password = _secret("password", unquote(written) if colon else None, options, environ or {})
    if is_unix:
        addresses: tuple[tuple[str, int], ...] = ()
        master, database, unix_path = None, options.get("db", ""), unquote(place)
        if not unix_path.startswith("/"):
            raise SettingsError('"--redis": unix:// needs the path of a socket, such as unix:///run/redis/redis.sock')
    else:
        hosts, _, path = place.partition("/")
        default_port = DEFAULT_SENTINEL_PORT if mode == "sentinel" else DEFAULT_PORT
        addresses = tuple(_address(host, default_port) for host in hosts.split(","))
        master, database = _master_and_database(mode, path)
        database, unix_path = options.get("db", database), None
        if mode == "standalone" and len(addresses) > 1:
            raise SettingsError(
                '"--redis" names several hosts; write the URL with redis+sentinel:// or redis+cluster://'
            )
    return RedisEndpoint(
        mode=mode,
        addresses=addresses,
        unix_path=unix_path,
        master=master,
        database=_database(mode, database),
        username=unquote(username) or None,
        password=password,
        sentinel_username=options.get("sentinel_username"),
        sentinel_password=_secret("sentinel_password", None, options, environ or {}),
        tls=tls,
        ca=options.get("ca"),
        certificate=options.get("cert"),
        private_key=options.get("key"),
    )


def _options(query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for name, value in parse_qsl(query.replace("+", "%2B"), keep_blank_values=True):
        if name not in _OPTIONS:
            raise SettingsError(f'"--redis": unknown option "{name}"; known are {", ".join(_OPTIONS)}')
        if name in options or not value:
            raise SettingsError(f'"--redis": "{name}" must stand there once and with a value')
        options[name] = value
    return options


def _address(text: str, default_port: int) -> tuple[str, int]:
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        port = rest.removeprefix(":") if closed else "?"
    else:
        host, _, port = text.partition(":")
    if not host:
        raise SettingsError('"--redis" names no host; write it as redis://host:6379/0')
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise SettingsError(f'"--redis": the port must be a number from 1 to 65535, not "{port}"')
    return unquote(host), int(port) if port else default_port


def _master_and_database(mode: RedisMode, path: str) -> tuple[str | None, str]:
    if mode != "sentinel":
        return None, path
    master, _, database = path.partition("/")
    if not master:
        raise SettingsError(
            '"--redis" names no master; write it as redis+sentinel://host:26379/MASTER/0, as sentinel.conf calls it'
        )
    return unquote(master), database


def _database(mode: RedisMode, text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 6) or (mode == "cluster" and int(text) != 0):
        raise SettingsError(f'"--redis": the database must be a number such as 0 (a Cluster has only 0), not "{text}"')
    return int(text)


def _secret(name: str, written: str | None, options: Mapping[str, str], environ: Mapping[str, str]) -> Secret | None:
    by_file, by_env = options.get(f"{name}_file"), options.get(f"{name}_env")
    if [written, by_file, by_env].count(None) < 2:
        raise SettingsError(f'"--redis" gives the {name} twice: keep one of the URL, {name}_file and {name}_env')
    if written is not None:
        return Secret(written) if written else None
    if by_env is not None:
        if by_env not in environ:
            raise SettingsError(f'"--redis": "{name}_env" names {by_env}, which the environment does not have')
        return Secret(environ[by_env])
    if by_file is None:
        return None
    try:
        lines = Path(by_file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(f'"--redis": "{name}_file" {by_file} cannot be read: {reason}') from error
    if not lines or not lines[0]:
        raise SettingsError(f'"--redis": "{name}_file" {by_file} has no password in its first line')
    return Secret(lines[0])

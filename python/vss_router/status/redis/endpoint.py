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
from typing import Any, Final, Literal
from urllib.parse import quote

import msgspec

from vss_router.errors import SettingsError
from vss_router.secret import Secret
from vss_router.server_url import TLS_FILES, UrlReader, shown_addresses

__all__ = ["REDIS_URL", "RedisEndpoint", "RedisMode", "parse_redis_url"]

RedisMode = Literal["standalone", "sentinel", "cluster"]

DEFAULT_PORT: Final = 6379
DEFAULT_SENTINEL_PORT: Final = 26379
_MODES: Final[dict[str, RedisMode]] = {"": "standalone", "sentinel": "sentinel", "cluster": "cluster"}
REDIS_URL: Final = UrlReader("--redis")
"""Reads what the setting has in common with other URLs."""
_EXAMPLE: Final = "redis://host:6379/0"
_OPTIONS: Final = (
    *TLS_FILES,
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
        path = {"standalone": f"/{self.database}", "sentinel": f"/{self.master}/{self.database}", "cluster": ""}
        return f"{scheme}://{login}{shown_addresses(self.addresses)}{path[self.mode]}"

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
    options = REDIS_URL.options(query, _OPTIONS)
    if not tls:
        REDIS_URL.check_no_tls(options, TLS_FILES, "rediss://")
    REDIS_URL.check_files(options)
    userinfo, at, place = place.rpartition("@")
    username, colon, written = userinfo.partition(":") if at else ("", "", "")
    password = REDIS_URL.secret(
        "password", options, environ or {}, REDIS_URL.decoded(written, "password") if colon else None
    )
    if is_unix:
        addresses: tuple[tuple[str, int], ...] = ()
        master, database, unix_path = None, options.get("db", ""), REDIS_URL.decoded(place, "path")
        if not unix_path.startswith("/"):
            raise SettingsError('"--redis": unix:// needs the path of a socket, such as unix:///run/redis/redis.sock')
    else:
        hosts, _, path = place.partition("/")
        default_port = DEFAULT_SENTINEL_PORT if mode == "sentinel" else DEFAULT_PORT
        addresses = REDIS_URL.addresses(hosts, default_port, _EXAMPLE)
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
        username=REDIS_URL.decoded(username, "user") or None,
        password=None if password == Secret("") else password,
        sentinel_username=options.get("sentinel_username"),
        sentinel_password=REDIS_URL.secret("sentinel_password", options, environ or {}),
        tls=tls,
        ca=options.get("ca"),
        certificate=options.get("cert"),
        private_key=options.get("key"),
    )


def _master_and_database(mode: RedisMode, path: str) -> tuple[str | None, str]:
    if mode != "sentinel":
        return None, path
    master, _, database = path.partition("/")
    if not master:
        raise SettingsError(
            '"--redis" names no master; write it as redis+sentinel://host:26379/MASTER/0, as sentinel.conf calls it'
        )
    return REDIS_URL.decoded(master, "name of the master"), database


def _database(mode: RedisMode, text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 6) or (mode == "cluster" and int(text) != 0):
        raise SettingsError(f'"--redis": the database must be a number such as 0 (a Cluster has only 0), not "{text}"')
    return int(text)

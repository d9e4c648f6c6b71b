"""Where a broker is and how to log in to it, as `--broker` writes it.

```
amqp://user:password@host:5672/%2Fvss      the virtual host `/vss`; amqps:// speaks TLS
amqp://host:5672/vss                       the virtual host `vss`, which is another one
amqp://host1:5672,host2/vss                nodes of one cluster, tried in this order
```

Parts are percent-encoded (`%40` for `@`, `%2F` for `/`). Without a virtual host it is `/`, without a user `guest`.
Options: `ca`, `cert`, `key` (PEM files; need `amqps://`), `password_file` or `password_env` instead of a password in
the URL, `heartbeat` (seconds; 0 sends none).
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, unquote

import msgspec

from vss_router.errors import SettingsError
from vss_router.secret import Secret
from vss_router.server_url import TLS_FILES, UrlReader, shown_addresses

__all__ = ["BROKER_URL", "BrokerEndpoint", "parse_broker_url"]

DEFAULT_PORT: Final = 5672
DEFAULT_TLS_PORT: Final = 5671
DEFAULT_USER: Final = "guest"
DEFAULT_HEARTBEAT: Final = 10
"""Seconds: a dead peer is known after two of them."""
_LONGEST_HEARTBEAT: Final = 65_535
_LONGEST_NAME: Final = 255
BROKER_URL: Final = UrlReader("--broker")
"""Reads what the setting has in common with other URLs."""
_EXAMPLE: Final = "amqp://host:5672/%2Fvss"
_OPTIONS: Final = (*TLS_FILES, "password_file", "password_env", "heartbeat")


class BrokerEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One broker, or the nodes of its cluster. Neither `repr` nor `url` shows the password."""

    addresses: tuple[tuple[str, int], ...]
    """Host and port; several are nodes of one cluster."""
    vhost: str = "/"
    user: str = DEFAULT_USER
    password: Secret = Secret(DEFAULT_USER)
    tls: bool = False
    ca: str | None = None
    """PEM file of the authority to trust; the system's ones without it."""
    certificate: str | None = None
    private_key: str | None = None
    heartbeat: int = DEFAULT_HEARTBEAT
    """Seconds between heartbeats that we ask for; 0 for none."""

    @property
    def url(self) -> str:
        """Where it is, for people: `amqp://user@host:5672/%2Fvss`."""
        return self.url_at(self.vhost)

    def url_at(self, vhost: str) -> str:
        """The same broker at another virtual host, for people."""
        hosts = shown_addresses(self.addresses)
        scheme = "amqps" if self.tls else "amqp"
        return f"{scheme}://{quote(self.user, safe='')}@{hosts}/{quote(vhost, safe='')}"

    def __repr__(self) -> str:
        return f"BrokerEndpoint({self.url!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("url", self.url)]


def parse_broker_url(text: str, environ: Mapping[str, str] | None = None) -> BrokerEndpoint:
    """Read an endpoint as `--broker` takes it.

    `environ` is where `password_env=NAME` is looked up; none when left out. A `password_file` is read at once, its
    first line is the password.

    Raises
    ------
    SettingsError
        The text cannot be used; the message names the part at fault, never a password.
    """
    scheme, slashes, rest = text.strip().partition("://")
    if not slashes or scheme not in {"amqp", "amqps"}:
        raise SettingsError(
            '"--broker" must be a URL that begins with amqp:// or amqps://, such as '
            "amqp://user:password@127.0.0.1:5672/%2Fvss"
        )
    tls = scheme == "amqps"
    place, _, query = rest.partition("?")
    options = BROKER_URL.options(query, _OPTIONS)
    if not tls:
        BROKER_URL.check_no_tls(options, TLS_FILES, "amqps://")
    BROKER_URL.check_files(options)
    userinfo, at, place = place.rpartition("@")
    user, colon, written = userinfo.partition(":") if at else ("", "", "")
    hosts, _, path = place.partition("/")
    password = BROKER_URL.secret(
        "password", options, environ or {}, BROKER_URL.decoded(written, "password") if colon else None
    )
    return BrokerEndpoint(
        addresses=BROKER_URL.addresses(hosts, DEFAULT_TLS_PORT if tls else DEFAULT_PORT, _EXAMPLE),
        vhost=_vhost(path),
        user=BROKER_URL.decoded(user, "user") or DEFAULT_USER,
        password=Secret(DEFAULT_USER) if password is None else password,
        tls=tls,
        ca=options.get("ca"),
        certificate=options.get("cert"),
        private_key=options.get("key"),
        heartbeat=_heartbeat(options),
    )


def _vhost(path: str) -> str:
    """By the rule of AMQP URIs, what stands between the first `/` and the end, percent-decoded once."""
    if "/" in path:
        shown = quote(unquote(path), safe="")
        raise SettingsError(
            f'"--broker": a "/" in the name of a virtual host is written %2F: write the URL with /{shown} at its end'
        )
    vhost = BROKER_URL.decoded(path, "virtual host") or "/"
    if len(vhost.encode()) > _LONGEST_NAME:
        raise SettingsError(f'"--broker": the name of a virtual host has at most {_LONGEST_NAME} bytes')
    return vhost


def _heartbeat(options: Mapping[str, str]) -> int:
    text = options.get("heartbeat", str(DEFAULT_HEARTBEAT))
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= _LONGEST_HEARTBEAT):
        raise SettingsError(f'"--broker": "heartbeat" must be a number of seconds from 0 to 65535, not "{text}"')
    return int(text)

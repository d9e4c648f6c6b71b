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
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote

import msgspec

from vss_router.errors import SettingsError
from vss_router.secret import Secret

__all__ = ["BrokerEndpoint", "parse_broker_url"]

DEFAULT_PORT: Final = 5672
DEFAULT_TLS_PORT: Final = 5671
DEFAULT_USER: Final = "guest"
DEFAULT_HEARTBEAT: Final = 10
"""Seconds: a dead peer is known after two of them."""
_LONGEST_HEARTBEAT: Final = 65_535
_LONGEST_NAME: Final = 255
_FILES: Final = ("ca", "cert", "key")
_OPTIONS: Final = (*_FILES, "password_file", "password_env", "heartbeat")


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
        hosts = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.addresses)
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
    options = _options(query)
    _check_files(options, tls=tls)
    userinfo, at, place = place.rpartition("@")
    user, colon, written = userinfo.partition(":") if at else ("", "", "")
    hosts, _, path = place.partition("/")
    default_port = DEFAULT_TLS_PORT if tls else DEFAULT_PORT
    return BrokerEndpoint(
        addresses=tuple(_address(host, default_port) for host in hosts.split(",")),
        vhost=_vhost(path),
        user=_percent_decoded(user, "user") or DEFAULT_USER,
        password=_password(_percent_decoded(written, "password") if colon else None, options, environ or {}),
        tls=tls,
        ca=options.get("ca"),
        certificate=options.get("cert"),
        private_key=options.get("key"),
        heartbeat=_heartbeat(options),
    )


def _options(query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for name, value in parse_qsl(query.replace("+", "%2B"), keep_blank_values=True):
        if name not in _OPTIONS:
            raise SettingsError(f'"--broker": unknown option "{name}"; known are {", ".join(_OPTIONS)}')
        if name in options or not value:
            raise SettingsError(f'"--broker": "{name}" must stand there once and with a value')
        options[name] = value
    return options


def _check_files(options: Mapping[str, str], *, tls: bool) -> None:
    for name in _FILES:
        if name in options and not tls:
            raise SettingsError(f'"--broker": "{name}" needs TLS; write the URL with amqps://')
        if name in options and not Path(options[name]).is_file():
            raise SettingsError(f'"--broker": "{name}" names {options[name]}, which is not a file')
    if ("cert" in options) != ("key" in options):
        raise SettingsError('"--broker" needs both "cert" and "key", the certificate and its private key')


def _address(text: str, default_port: int) -> tuple[str, int]:
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        port = rest.removeprefix(":") if closed else "?"
    else:
        host, _, port = text.partition(":")
    if not host:
        raise SettingsError('"--broker" names no host; write it as amqp://host:5672/%2Fvss')
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise SettingsError(f'"--broker": the port must be a number from 1 to 65535, not "{port}"')
    return _percent_decoded(host, "host"), int(port) if port else default_port


def _vhost(path: str) -> str:
    """By the rule of AMQP URIs, what stands between the first `/` and the end, percent-decoded once."""
    if "/" in path:
        shown = quote(unquote(path), safe="")
        raise SettingsError(
            f'"--broker": a "/" in the name of a virtual host is written %2F: write the URL with /{shown} at its end'
        )
    vhost = _percent_decoded(path, "virtual host") or "/"
    if len(vhost.encode()) > _LONGEST_NAME:
        raise SettingsError(f'"--broker": the name of a virtual host has at most {_LONGEST_NAME} bytes')
    return vhost


def _percent_decoded(text: str, part: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise SettingsError(f'"--broker": the {part} is not UTF-8 when its percent signs are decoded') from error


def _heartbeat(options: Mapping[str, str]) -> int:
    text = options.get("heartbeat", str(DEFAULT_HEARTBEAT))
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= _LONGEST_HEARTBEAT):
        raise SettingsError(f'"--broker": "heartbeat" must be a number of seconds from 0 to 65535, not "{text}"')
    return int(text)


def _password(written: str | None, options: Mapping[str, str], environ: Mapping[str, str]) -> Secret:
    by_file, by_env = options.get("password_file"), options.get("password_env")
    if [written, by_file, by_env].count(None) < 2:
        raise SettingsError('"--broker" gives the password twice: keep one of the URL, password_file and password_env')
    if by_env is not None:
        if by_env not in environ:
            raise SettingsError(f'"--broker": "password_env" names {by_env}, which the environment does not have')
        return Secret(environ[by_env])
    if by_file is None:
        return Secret(DEFAULT_USER if written is None else written)
    try:
        lines = Path(by_file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(f'"--broker": "password_file" {by_file} cannot be read: {reason}') from error
    if not lines or not lines[0]:
        raise SettingsError(f'"--broker": "password_file" {by_file} has no password in its first line')
    return Secret(lines[0])

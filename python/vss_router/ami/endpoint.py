"""Where one PBX's manager interface is and how to log in to it, as `--ami` writes it.

```
main=user:secret@pbx.example:5038
main=amis://user:secret@pbx.example:5039?ca=/etc/ssl/pbx.pem&auth=md5&encoding=cp1251
```

Parts are percent-encoded (`%40` for `@`). Options of the long form: `ca` (file of the authority that signed the PBX's
certificate), `server_name` (the name in the certificate where it is not the host's), `auth` (`plain` or `md5`),
`encoding` (of bytes that are not UTF-8), `fence_member` (interface of a queue member nobody calls, for accounts that
may `QueuePause` but not `Setvar`), `filter` (`on` or `off`), `secret_file` and `secret_env`.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, cast
from urllib.parse import quote

import msgspec

from vss_router.errors import SettingsError
from vss_router.secret import Secret
from vss_router.server_url import UrlReader, shown_addresses

__all__ = ["AmiEndpoint", "Secret", "parse_endpoint"]

AuthType = Literal["plain", "md5"]
Encoding = Literal["utf-8", "cp1251", "latin-1"]

DEFAULT_PORT: Final = 5038
DEFAULT_TLS_PORT: Final = 5039
_AUTH: Final = ("plain", "md5")
_ENCODINGS: Final = ("utf-8", "cp1251", "latin-1")
_OPTIONS: Final = (
    "ca",
    "server_name",
    "auth",
    "encoding",
    "fence_member",
    "filter",
    "secret_file",
    "secret_env",
)
_OF_TLS: Final = ("ca", "server_name")
_NAMED: Final = re.compile(r"([^=:/@?]*)=(.*)", re.DOTALL)
_SOURCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_LINE_BREAKS: Final = re.compile(r"[\r\n\0]")


class AmiEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One PBX's manager interface. Neither `repr` nor `url` shows the secret."""

    source: str = "main"
    """The PBX's name in every row and event."""
    host: str
    port: int = DEFAULT_PORT
    tls: bool = False
    username: str
    secret: Secret
    auth: AuthType = "plain"
    ca: str | None = None
    """File with the certificate of the authority to trust; the system's ones without it."""
    server_name: str | None = None
    """The name the certificate must carry; the host without it."""
    encoding: Encoding = "utf-8"
    fence_member: str | None = None
    filter: bool = True
    """Whether the session of events asks Asterisk to leave out the floods (`filter.py` says which)."""

    @property
    def url(self) -> str:
        """Where it is, for people: `main=amis://user@host:5039`."""
        scheme = "amis" if self.tls else "ami"
        return f"{self.source}={scheme}://{quote(self.username)}@{shown_addresses([(self.host, self.port)])}"

    def __repr__(self) -> str:
        return f"AmiEndpoint({self.url!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("url", self.url)]


def parse_endpoint(text: str, environ: Mapping[str, str] | None = None) -> AmiEndpoint:
    """Read an endpoint as `--ami` takes it, short or long form.

    `environ` is where `secret_env=NAME` is looked up; none when left out. A `secret_file` is read at once, its first
    line is the secret.

    Raises
    ------
    SettingsError
        The text cannot be used; the message names the PBX and the part at fault, never the secret.
    """
    source, address = _source_of(text)
    scheme, slashes, rest = address.partition("://")
    if not slashes:
        scheme, rest = "ami", address
    if scheme not in {"ami", "amis"}:
        raise SettingsError(f'"--ami {source}=…": the scheme must be ami:// or amis://, not {scheme}://')
    url, tls = UrlReader(f"--ami {source}=…"), scheme == "amis"
    place, _, query = rest.partition("?")
    userinfo, at, hostport = place.rpartition("@")
    if not at:
        raise SettingsError(f'"--ami {source}=…" names no user; write it as {source}=user:secret@host:5038')
    username, colon, secret = userinfo.partition(":")
    options = url.options(query, _OPTIONS)
    default_port = DEFAULT_TLS_PORT if tls else DEFAULT_PORT
    host, port = url.address(hostport.rstrip("/"), default_port, f"{source}=user:secret@host:5038")
    if not username:
        raise SettingsError(f'"--ami {source}=…" names no user; write it as {source}=user:secret@host:5038')
    if not tls:
        url.check_no_tls(options, _OF_TLS, "amis://")
    url.check_files(options)
    return AmiEndpoint(
        source=source,
        host=host,
        port=port,
        tls=tls,
        username=_line(url.decoded(username, "user"), "user", source),
        secret=_secret(url, url.decoded(secret, "secret") if colon else None, options, environ or {}, source),
        auth=cast("AuthType", _one_of(_AUTH, options.get("auth", "plain"), "auth", source)),
        ca=options.get("ca"),
        server_name=options.get("server_name"),
        encoding=cast("Encoding", _one_of(_ENCODINGS, options.get("encoding", "utf-8"), "encoding", source)),
        fence_member=_line(options["fence_member"], "fence_member", source) if "fence_member" in options else None,
        filter=_one_of(("on", "off"), options.get("filter", "on"), "filter", source) == "on",
    )


def _source_of(text: str) -> tuple[str, str]:
    named = _NAMED.fullmatch(text.strip())
    source, address = named.groups() if named else ("main", text.strip())
    if not _SOURCE.fullmatch(source):
        raise SettingsError(f'"--ami": the name "{source}" of a PBX may hold letters, digits, "_" and "-" only')
    return source, address


def _secret(
    url: UrlReader, written: str | None, options: Mapping[str, str], environ: Mapping[str, str], source: str
) -> Secret:
    given = [way for way in ("secret_file", "secret_env") if way in options]
    if written is not None:
        given.insert(0, "user:secret")
    secret = url.secret("secret", options, environ, written) if len(given) == 1 else None
    if secret is None:
        fault = "names no secret" if not given else f"has {' and '.join(given)}"
        raise SettingsError(f'"--ami {source}=…" {fault}; give one of user:secret, secret_file or secret_env')
    return Secret(_line(secret.reveal(), "secret", source))


def _one_of(allowed: tuple[str, ...], value: str, name: str, source: str) -> str:
    if value not in allowed:
        raise SettingsError(f'"--ami {source}=…": "{name}" must be {" or ".join(allowed)}, not "{value}"')
    return value


def _line(value: str, what: str, source: str) -> str:
    if _LINE_BREAKS.search(value):
        raise SettingsError(f'"--ami {source}=…": the {what} may not hold a line break')
    return value

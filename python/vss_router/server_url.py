"""What the URLs of all servers have in common: options, PEM files, hosts, and a password that stands elsewhere.

What differs (schemes, paths, options of its own) is read where the server's endpoint is: `ami/endpoint.py`,
`status/redis/endpoint.py`, `broker/endpoint.py`, `database/url.py`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote

from vss_router.errors import SettingsError
from vss_router.secret import Secret

__all__ = ["TLS_FILES", "UrlReader", "shown_addresses"]

TLS_FILES: Final = ("ca", "cert", "key")
"""Options that name PEM files: the authority to trust, our own certificate and its private key."""


def shown_addresses(addresses: Iterable[tuple[str, int]]) -> str:
    """Hosts and ports as a URL has them: `host:5672,[::1]:5672`."""
    return ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in addresses)


@dataclass(frozen=True, slots=True)
class UrlReader:
    """Reads parts of one setting's URL; every sentence begins with the setting and shows no password."""

    setting: str
    """As people write it: `--broker`."""

    def options(self, query: str, known: Iterable[str]) -> dict[str, str]:
        """What follows the `?`; a `+` means itself there, so that a path or a password may hold one.

        Raises
        ------
        SettingsError
            An option is unknown, empty or stands there twice.
        """
        return self.known_options(parse_qsl(query.replace("+", "%2B"), keep_blank_values=True), known)

    def known_options(self, pairs: Iterable[tuple[str, str]], known: Iterable[str]) -> dict[str, str]:
        """The options out of a query that is taken apart already. Raises SettingsError as `options` does."""
        names, options = tuple(known), dict[str, str]()
        for name, value in pairs:
            if name not in names:
                raise SettingsError(
                    f'"{self.setting}": unknown option "{name}"; known are {", ".join(names) or "none"}'
                )
            if name in options or not value:
                raise SettingsError(f'"{self.setting}": "{name}" must stand there once and with a value')
            options[name] = value
        return options

    def check_no_tls(self, options: Mapping[str, str], names: Iterable[str], scheme: str) -> None:
        """For a URL without TLS: `names` are the options that need it, `scheme` speaks it, such as `amqps://`.

        Raises
        ------
        SettingsError
            One of them is given.
        """
        for name in names:
            if name in options:
                raise SettingsError(f'"{self.setting}": "{name}" needs TLS; write the URL with {scheme}')

    def check_files(self, options: Mapping[str, str]) -> None:
        """Raises SettingsError where a PEM file is missing, or a certificate stands there without its key."""
        for name in TLS_FILES:
            if name in options and not Path(options[name]).is_file():
                raise SettingsError(f'"{self.setting}": "{name}" names {options[name]}, which is not a file')
        if ("cert" in options) != ("key" in options):
            raise SettingsError(f'"{self.setting}" needs both "cert" and "key", the certificate and its private key')

    def address(self, text: str, default_port: int, example: str) -> tuple[str, int]:
        """Read `host`, `host:port` or `[::1]:port`. `example` shows the whole setting where the host is missing.

        Raises
        ------
        SettingsError
            There is no host, or the port is no number of a port.
        """
        if text.startswith("["):
            host, closed, rest = text[1:].partition("]")
            port = rest.removeprefix(":") if closed else "?"
        else:
            host, _, port = text.partition(":")
        if not host:
            raise SettingsError(f'"{self.setting}" names no host; write it as {example}')
        if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise SettingsError(f'"{self.setting}": the port must be a number from 1 to 65535, not "{port}"')
        return self.decoded(host, "host"), int(port) if port else default_port

    def addresses(self, text: str, default_port: int, example: str) -> tuple[tuple[str, int], ...]:
        """Several of them, separated by commas. Raises SettingsError as `address` does."""
        return tuple(self.address(host, default_port, example) for host in text.split(","))

    def decoded(self, text: str, part: str) -> str:
        """A percent-encoded part; `part` is what it is called: `user`. Raises SettingsError if it is not UTF-8."""
        try:
            return unquote(text, errors="strict")
        except UnicodeDecodeError as error:
            raise SettingsError(
                f'"{self.setting}": the {part} is not UTF-8 when its percent signs are decoded'
            ) from error

    def secret(
        self, name: str, options: Mapping[str, str], environ: Mapping[str, str], written: str | None = None
    ) -> Secret | None:
        """The secret `name` out of the URL (`written`), of `<name>_file` or of `<name>_env`; None without any.

        Of a file the first line counts, and it is read at once.

        Raises
        ------
        SettingsError
            It stands in two places, or in none of the one that is named.
        """
        by_file, by_env = options.get(f"{name}_file"), options.get(f"{name}_env")
        if [written, by_file, by_env].count(None) < 2:
            raise SettingsError(
                f'"{self.setting}" gives the {name} twice: keep one of the URL, {name}_file and {name}_env'
            )
        if by_env is not None:
            if by_env not in environ:
                raise SettingsError(
                    f'"{self.setting}": "{name}_env" names {by_env}, which the environment does not have'
                )
            return Secret(environ[by_env])
        if by_file is not None:
            return Secret(self._first_line(name, by_file))
        return None if written is None else Secret(written)

    def _first_line(self, name: str, path: str) -> str:
        try:
            lines = Path(path).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise SettingsError(f'"{self.setting}": "{name}_file" {path} cannot be read: {reason}') from error
        if not lines or not lines[0]:
            kind = name.rpartition("_")[2]
            raise SettingsError(f'"{self.setting}": "{name}_file" {path} has no {kind} in its first line')
        return lines[0]

    def pem(self, option: str, path: str | None) -> bytes | None:
        """The bytes of a PEM file, for who takes no path. Raises SettingsError if it cannot be read."""
        if path is None:
            return None
        try:
            return Path(path).read_bytes()
        except OSError as error:
            raise SettingsError(
                f'"{self.setting}": "{option}" {path} cannot be read: {error.strerror or error}'
            ) from error

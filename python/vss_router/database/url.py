"""Where the database is, as `--database` writes it.

```
sqlite:///relative/path.sqlite      sqlite:////absolute/path.sqlite      sqlite://        (memory, gone at the end)
postgresql://user:secret@host:5432/database?sslmode=verify-full&ca=/etc/ssl/db.pem
```

Parts are percent-encoded (`%40` for `@`). Options of PostgreSQL: `sslmode` and `ca` (file of the authority that signed
the server's certificate), `password_file` (its first line) and `password_env` instead of the password in the URL.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from vss_router.errors import SettingsError

__all__ = ["SCHEMES", "database_url", "shown"]

SCHEMES: Final = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}
_OPTIONS: Final = ("sslmode", "ca", "password_file", "password_env")
_SSL_MODES: Final = ("disable", "prefer", "require", "verify-ca", "verify-full")


def database_url(text: str, environ: Mapping[str, str] | None = None) -> URL:
    """Read the URL and name the driver; the password is looked up at once. `ca` and `sslmode` stay in its query.

    Raises
    ------
    SettingsError
        The text cannot be used; the message names the part at fault, never the password.
    """
    scheme, slashes, _ = text.strip().partition("://")
    if not slashes or scheme not in SCHEMES:
        raise SettingsError(
            f'"--database": the address must begin with sqlite:/// or postgresql://, not "{scheme[:20]}"'
        )
    try:
        url = make_url(text.strip())
    except (ArgumentError, ValueError) as error:
        raise SettingsError(
            '"--database": the address cannot be read; write postgresql://user:password@host:5432/database, '
            "special characters percent-encoded"
        ) from error
    url = url.set(drivername=SCHEMES[scheme])
    options = {name: value if isinstance(value, str) else value[-1] for name, value in url.query.items()}
    known = _OPTIONS if url.get_backend_name() == "postgresql" else ()
    for name in options:
        if name not in known:
            raise SettingsError(f'"--database": unknown option "{name}"; known are {", ".join(known) or "none"}')
    if not known:
        return url
    if not url.database:
        raise SettingsError('"--database" names no database; write it as postgresql://user:password@host/database')
    if options.get("sslmode", "prefer") not in _SSL_MODES:
        raise SettingsError(f'"--database": "sslmode" must be one of {", ".join(_SSL_MODES)}')
    if "ca" in options and not Path(options["ca"]).is_file():
        raise SettingsError(f'"--database": "ca" names {options["ca"]}, which is not a file')
    password = _password(url, options, environ or {})
    kept: dict[str, str] = {name: options[name] for name in ("sslmode", "ca") if name in options}
    return url.set(query=kept, password=password)


def shown(url: URL) -> str:
    """The address for people: no driver, no options, the password as ***."""
    return url.set(drivername=url.get_backend_name(), query={}).render_as_string(hide_password=True)


def _password(url: URL, options: Mapping[str, str], environ: Mapping[str, str]) -> Any:
    ways = [way for way in ("password_file", "password_env") if way in options]
    if len(ways) + (url.password is not None) > 1:
        raise SettingsError('"--database" names its password twice; keep one of them')
    if "password_env" in options:
        name = options["password_env"]
        if name not in environ:
            raise SettingsError(f'"--database": "password_env" names {name}, which the environment does not have')
        return environ[name]
    if "password_file" in options:
        path = options["password_file"]
        try:
            lines = Path(path).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise SettingsError(f'"--database": "password_file" {path} cannot be read: {reason}') from error
        if not lines or not lines[0]:
            raise SettingsError(f'"--database": "password_file" {path} has no password in its first line')
        return lines[0]
    return url.password

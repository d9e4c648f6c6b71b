"""Where the database is, as `--database` writes it.

```
sqlite:///relative/path.sqlite      sqlite:////absolute/path.sqlite      sqlite://        (memory, gone at the end)
postgresql://user:secret@host:5432/database?sslmode=verify-full&ca=/etc/ssl/db.pem
```

Parts are percent-encoded (`%40` for `@`). Options of PostgreSQL: `sslmode` and `ca` (file of the authority that signed
the server's certificate), `password_file` (its first line) and `password_env` instead of the password in the URL.
"""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from vss_router.errors import SettingsError
from vss_router.server_url import UrlReader

__all__ = ["SCHEMES", "database_url", "shown"]

SCHEMES: Final = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}
_URL: Final = UrlReader("--database")
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
    known = _OPTIONS if url.get_backend_name() == "postgresql" else ()
    written = url.normalized_query.items()
    options = _URL.known_options(((name, value) for name, values in written for value in values), known)
    if not known:
        return url
    if not url.database:
        raise SettingsError('"--database" names no database; write it as postgresql://user:password@host/database')
    if options.get("sslmode", "prefer") not in _SSL_MODES:
        raise SettingsError(f'"--database": "sslmode" must be one of {", ".join(_SSL_MODES)}')
    _URL.check_files(options)
    password = _URL.secret("password", options, environ or {}, url.password)
    kept: dict[str, str] = {name: options[name] for name in ("sslmode", "ca") if name in options}
    return url.set(query=kept, password=None if password is None else password.reveal())


def shown(url: URL) -> str:
    """The address for people: no driver, no options, the password as ***."""
    return url.set(drivername=url.get_backend_name(), query={}).render_as_string(hide_password=True)

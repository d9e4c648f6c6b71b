"""Addresses of databases: those refused, in one sentence that never shows the password, then those read."""

from pathlib import Path

import pytest

from vss_router.database.url import database_url, shown
from vss_router.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("mysql://u:secret@h/db", 'must begin with sqlite:/// or postgresql://, not "mysql"'),
        ("status.sqlite", "must begin with sqlite:/// or postgresql://"),
        ("", "must begin with sqlite:/// or postgresql://"),
        ("postgresql://u:secret@h", "names no database"),
        ("postgresql://u:secret@h/", "names no database"),
        ("postgresql://u:secret@h:port/db", "the address cannot be read"),
        ("postgresql://u:secret@h/db?sslmode=maybe", '"sslmode" must be one of'),
        ("postgresql://u:secret@h/db?ca=/nowhere.pem", '"ca" names /nowhere.pem, which is not a file'),
        ("postgresql://u:secret@h/db?options=-c", 'unknown option "options"; known are'),
        (
            "postgresql://u:secret@h/db?sslmode=require&sslmode=disable",
            '"sslmode" must stand there once and with a value',
        ),
        ("sqlite:///x.sqlite?mode=ro", 'unknown option "mode"; known are none'),
        ("postgresql://u:secret@h/db?password_env=P", "gives the password twice"),
        ("postgresql://u@h/db?password_env=P", "names P, which the environment does not have"),
        ("postgresql://u@h/db?password_file=/nowhere", '"password_file" /nowhere cannot be read'),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as refused:
        database_url(text)
    assert sentence in str(refused.value)
    assert "secret" not in str(refused.value)


def test_an_empty_password_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("\nlater\n")
    with pytest.raises(SettingsError, match="has no password in its first line"):
        database_url(f"postgresql://u@h/db?password_file={tmp_path}/password")


@pytest.mark.parametrize(
    ("text", "driver", "database"),
    [
        ("sqlite:///status.sqlite", "sqlite+aiosqlite", "status.sqlite"),
        ("sqlite:////var/lib/status.sqlite", "sqlite+aiosqlite", "/var/lib/status.sqlite"),
        ("sqlite://", "sqlite+aiosqlite", None),
        ("postgresql://u:p@h/db", "postgresql+asyncpg", "db"),
        ("postgres://u:p@h/db", "postgresql+asyncpg", "db"),
    ],
)
def test_the_driver_is_ours_to_choose(text: str, driver: str, database: str | None) -> None:
    url = database_url(text)
    assert (url.drivername, url.database) == (driver, database)


def test_the_password_may_be_percent_encoded_or_come_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("from a file\n")
    written = "postgresql://u:p%40ss%2F@h/db"
    from_file = f"postgresql://u@h/db?sslmode=require&password_file={tmp_path}/password"
    assert database_url(written).password == "p@ss/"
    assert database_url(from_file).password == "from a file"
    assert dict(database_url(from_file).query) == {"sslmode": "require"}
    assert database_url("postgresql://u@h/db?password_env=P", {"P": "from outside"}).password == "from outside"


def test_people_are_shown_no_password() -> None:
    assert shown(database_url("postgresql://u:p%40ss@h:5433/db?sslmode=require")) == "postgresql://u:***@h:5433/db"
    assert shown(database_url("sqlite:///status.sqlite")) == "sqlite:///status.sqlite"

"""`--redis URL`: what it may look like, and what each fault is answered with."""

from pathlib import Path

import pytest

from vss_router.errors import SettingsError
from vss_router.secret import Secret
from vss_router.status.redis.endpoint import RedisEndpoint, parse_redis_url


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must be a URL that begins with redis://"),
        ("127.0.0.1:6379", "must be a URL that begins with redis://"),
        ("http://127.0.0.1", "must be a URL that begins with redis://"),
        ("redis+other://127.0.0.1", "must be a URL that begins with redis://"),
        ("unix+sentinel://h/m", "must be a URL that begins with redis://"),
        ("redis://", "names no host"),
        ("redis+cluster://a,,b", "names no host"),
        ("redis://host:port", 'the port must be a number from 1 to 65535, not "port"'),
        ("redis://host:0", "the port must be a number"),
        ("redis://host:65536", "the port must be a number"),
        ("redis://[::1", "the port must be a number"),
        ("redis://a,b", "names several hosts"),
        ("redis://host/x", 'the database must be a number such as 0 (a Cluster has only 0), not "x"'),
        ("redis://host/-1", "the database must be a number"),
        ("redis+cluster://host/1", "the database must be a number"),
        ("redis+sentinel://host", "names no master"),
        ("redis+sentinel://host//0", "names no master"),
        ("unix://run/redis.sock", "needs the path of a socket"),
        ("redis://host?tls=1", 'unknown option "tls"; known are ca, cert, key'),
        ("redis://host?db=1&db=2", '"db" must stand there once and with a value'),
        ("redis://host?db=", '"db" must stand there once and with a value'),
        ("redis://host?ca=ca.pem", '"ca" needs TLS; write the URL with rediss://'),
        ("rediss://host?ca=nowhere.pem", '"ca" names nowhere.pem, which is not a file'),
        ("redis://user:%ffsecret@host", "the password is not UTF-8 when its percent signs are decoded"),
        ("redis://:secret@host?password_env=P", "gives the password twice"),
        ("redis://host?password_env=MISSING", "names MISSING, which the environment does not have"),
        ("redis://host?password_file=nowhere", '"password_file" nowhere cannot be read: No such file'),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_with_the_part_at_fault(text: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse_redis_url(text, {})
    assert sentence in str(refused.value)
    assert str(refused.value).startswith('"--redis"')
    assert "secret" not in str(refused.value)


def test_a_certificate_needs_its_key(tmp_path: Path) -> None:
    certificate = tmp_path / "client.pem"
    certificate.touch()
    with pytest.raises(SettingsError, match='needs both "cert" and "key"'):
        parse_redis_url(f"rediss://host?cert={certificate}")


def test_an_empty_password_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("\n")
    with pytest.raises(SettingsError, match="has no password in its first line"):
        parse_redis_url(f"redis://host?password_file={tmp_path / 'password'}")


def test_one_server() -> None:
    assert parse_redis_url("redis://127.0.0.1") == RedisEndpoint(addresses=(("127.0.0.1", 6379),))
    assert parse_redis_url("redis://[::1]:7000/3") == RedisEndpoint(addresses=(("::1", 7000),), database=3)
    assert parse_redis_url("redis://us%40er:p%3Aw@host") == RedisEndpoint(
        addresses=(("host", 6379),), username="us@er", password=Secret("p:w")
    )
    assert parse_redis_url("unix://:word@/run/redis.sock?db=2") == RedisEndpoint(
        unix_path="/run/redis.sock", password=Secret("word"), database=2
    )


def test_sentinel_and_cluster() -> None:
    assert parse_redis_url("redis+sentinel://a:1,b/vss/4?sentinel_username=s&sentinel_password_env=W", {"W": "w"}) == (
        RedisEndpoint(
            mode="sentinel",
            addresses=(("a", 1), ("b", 26379)),
            master="vss",
            database=4,
            sentinel_username="s",
            sentinel_password=Secret("w"),
        )
    )
    assert parse_redis_url("rediss+cluster://a,b:7001") == RedisEndpoint(
        mode="cluster", addresses=(("a", 6379), ("b", 7001)), tls=True
    )


def test_a_password_comes_from_a_file_or_the_environment(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("from a file\nand a second line\n")
    by_file = parse_redis_url(f"redis://user@host?password_file={tmp_path / 'password'}")
    assert by_file.password == Secret("from a file")
    assert by_file.username == "user"
    assert parse_redis_url("redis://host?password_env=P", {"P": "kept"}).password == Secret("kept")


def test_files_of_tls_are_named(tmp_path: Path) -> None:
    for name in ("ca", "cert", "key"):
        (tmp_path / name).touch()
    endpoint = parse_redis_url(f"rediss://host?ca={tmp_path}/ca&cert={tmp_path}/cert&key={tmp_path}/key")
    assert (endpoint.ca, endpoint.certificate, endpoint.private_key) == (
        f"{tmp_path}/ca",
        f"{tmp_path}/cert",
        f"{tmp_path}/key",
    )


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("redis://user:word@host/1", "redis://user@host:6379/1"),
        ("rediss+sentinel://:word@a,[::1]:7/vss", "rediss+sentinel://a:26379,[::1]:7/vss/0"),
        ("redis+cluster://a", "redis+cluster://a:6379"),
        ("unix:///run/r.sock", "unix:///run/r.sock?db=0"),
    ],
)
def test_neither_the_url_for_people_nor_repr_shows_the_password(text: str, url: str) -> None:
    endpoint = parse_redis_url(text)
    assert endpoint.url == url
    assert repr(endpoint) == f"RedisEndpoint({url!r})"
    assert parse_redis_url(url) == parse_redis_url(text.replace(":word@", "@"))

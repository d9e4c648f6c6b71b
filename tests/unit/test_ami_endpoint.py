from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vss_router.ami.endpoint import AmiEndpoint, Secret, parse_endpoint
from vss_router.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("main=host:5038", "names no user"),
        ("main=:secret@host:5038", "names no user"),
        ("main=user:secret@", "names no host"),
        ("main=user:secret@:5038", "names no host"),
        ("main=user@host:5038", "names no secret; give one of user:secret, secret_file or secret_env"),
        ("main=user:secret@host:port", 'the port must be a number from 1 to 65535, not "port"'),
        ("main=user:secret@host:0", "the port must be a number"),
        ("main=user:secret@host:65536", "the port must be a number"),
        ("main=user:secret@[::1", "the port must be a number"),
        ("main=http://user:secret@host:5038", "the scheme must be ami:// or amis://, not http://"),
        ("ma in=user:secret@host:5038", 'the name "ma in" of a PBX may hold letters'),
        ("=user:secret@host:5038", 'the name "" of a PBX'),
        ("main=ami://user:secret@host?auth=kerberos", '"auth" must be plain or md5, not "kerberos"'),
        ("main=ami://user:secret@host?encoding=koi8-r", '"encoding" must be utf-8 or cp1251 or latin-1'),
        ("main=ami://user:secret@host?filter=maybe", '"filter" must be on or off'),
        ("main=ami://user:secret@host?colour=red", 'unknown option "colour"; known are ca,'),
        ("main=ami://user:secret@host?auth=md5&auth=plain", '"auth" must stand there once and with a value'),
        ("main=ami://user:secret@host?fence_member=", '"fence_member" must stand there once and with a value'),
        ("main=ami://user:secret@host?ca=/nowhere.pem", '"ca" needs TLS; write the URL with amis://'),
        ("main=amis://user:secret@host?ca=/nowhere.pem", '"ca" names /nowhere.pem, which is not a file'),
        ("main=ami://user@host?secret_env=PBX", '"secret_env" names PBX, which the environment does not have'),
        ("main=ami://user@host?secret_file=/nowhere", '"secret_file" /nowhere cannot be read: No such file'),
        ("main=ami://user:secret@host?secret_env=PBX", "has user:secret and secret_env; give one of"),
        ("main=us%ffer:secret@host", "the user is not UTF-8 when its percent signs are decoded"),
        ("main=user:%ffsecret@host", "the secret is not UTF-8 when its percent signs are decoded"),
        ("main=user%0d%0aAction:secret@host", "the user may not hold a line break"),
        ("main=user:a%0d%0ab@host", "the secret may not hold a line break"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence_without_the_secret(text: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_endpoint(text.replace("secret@", "hunter2@"))
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\nsecond line\n", b"\xff\xfe"])
def test_a_secret_file_without_a_secret_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=str(path)):
        parse_endpoint(f"main=ami://user@host?secret_file={path}")


def test_the_short_form() -> None:
    found = parse_endpoint("north=user:secret@pbx.example:5060")
    assert (found.source, found.username, found.host, found.port) == ("north", "user", "pbx.example", 5060)
    assert found.secret.reveal() == "secret"
    assert (found.tls, found.auth, found.filter, found.encoding) == (False, "plain", True, "utf-8")


def test_without_a_name_the_pbx_is_main() -> None:
    assert parse_endpoint("user:secret@host").source == "main"
    assert parse_endpoint("ami://user:secret@host?auth=md5").source == "main"


def test_ports_default_to_asterisks() -> None:
    assert parse_endpoint("main=user:secret@host").port == 5038
    assert parse_endpoint("main=amis://user:secret@host").port == 5039
    assert parse_endpoint("main=amis://user:secret@[2001:db8::1]").host == "2001:db8::1"
    assert parse_endpoint("main=ami://user:secret@[2001:db8::1]:5060/").port == 5060


def test_the_long_form(tmp_path: Path) -> None:
    ca = tmp_path / "c a.pem"
    ca.touch()
    found = parse_endpoint(
        f"main=amis://user:s%40c%3Ar%2Bt+@host:5039?ca={quote(str(ca))}&auth=md5&encoding=cp1251"
        "&fence_member=Local/s@hold&filter=off&server_name=pbx.example"
    )
    assert found.secret.reveal() == "s@c:r+t+"
    assert (found.tls, found.ca, found.auth, found.encoding) == (True, str(ca), "md5", "cp1251")
    assert (found.fence_member, found.filter, found.server_name) == ("Local/s@hold", False, "pbx.example")


def test_a_secret_may_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("from file \nrest\n")
    assert parse_endpoint(f"main=ami://user@host?secret_file={path}").secret.reveal() == "from file "
    given = parse_endpoint("main=ami://user@host?secret_env=PBX", {"PBX": "from env"})
    assert given.secret.reveal() == "from env"


@given(username=st.text(min_size=1), secret=st.text(min_size=8))
def test_any_user_and_secret_survive_percent_encoding_and_never_show(username: str, secret: str) -> None:
    text = f"main={quote(username, safe='')}:{quote(secret, safe='')}@host"
    if any(char in username + secret for char in "\r\n\0"):
        with pytest.raises(SettingsError):
            parse_endpoint(text)
        return
    found = parse_endpoint(text)
    assert (found.username, found.secret.reveal()) == (username, secret)
    if secret not in quote(username):
        shown: list[Any] = [repr(found), str(found), f"{found}", found.url, found.__rich_repr__(), repr(found.secret)]
        assert not any(secret in str(text) for text in shown)


def test_an_endpoint_cannot_be_encoded_with_its_secret() -> None:
    found = AmiEndpoint(host="host", username="user", secret=Secret("hunter2"))
    with pytest.raises(TypeError):
        msgspec.json.encode(found)
    with pytest.raises(TypeError):
        found.secret.__reduce__()

"""`--broker URL`: what it may look like, and what each fault is answered with."""

from pathlib import Path

import pytest

from vss_router.broker.endpoint import BrokerEndpoint, parse_broker_url
from vss_router.errors import SettingsError
from vss_router.secret import Secret


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must be a URL that begins with amqp://"),
        ("127.0.0.1:5672", "must be a URL that begins with amqp://"),
        ("http://127.0.0.1", "must be a URL that begins with amqp://"),
        ("amqp://", "names no host"),
        ("amqp://a,,b/vss", "names no host"),
        ("amqp://user:secret@", "names no host"),
        ("amqp://host:port", 'the port must be a number from 1 to 65535, not "port"'),
        ("amqp://host:0", "the port must be a number"),
        ("amqp://host:65536", "the port must be a number"),
        ("amqp://[::1", "the port must be a number"),
        ("amqp://user:secret@host//vss", "is written %2F: write the URL with /%2Fvss at its end"),
        ("amqp://host/a/b", "write the URL with /a%2Fb at its end"),
        ("amqp://host/%ff", "the virtual host is not UTF-8"),
        ("amqp://user:%ffsecret@host/", "the password is not UTF-8"),
        (f"amqp://host/{'v' * 256}", "has at most 255 bytes"),
        ("amqp://host?tls=1", 'unknown option "tls"; known are ca, cert, key'),
        ("amqp://host?heartbeat=5&heartbeat=6", '"heartbeat" must stand there once and with a value'),
        ("amqp://host?heartbeat=", '"heartbeat" must stand there once and with a value'),
        ("amqp://host?heartbeat=-1", '"heartbeat" must be a number of seconds from 0 to 65535, not "-1"'),
        ("amqp://host?heartbeat=70000", '"heartbeat" must be a number of seconds'),
        ("amqp://host?ca=ca.pem", '"ca" needs TLS; write the URL with amqps://'),
        ("amqps://host?ca=nowhere.pem", '"ca" names nowhere.pem, which is not a file'),
        ("amqp://:secret@host?password_env=P", "gives the password twice"),
        ("amqp://host?password_env=MISSING", "names MISSING, which the environment does not have"),
        ("amqp://host?password_file=nowhere", '"password_file" nowhere cannot be read: No such file'),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_with_the_part_at_fault(text: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse_broker_url(text, {})
    assert sentence in str(refused.value)
    assert str(refused.value).startswith('"--broker"')
    assert "secret" not in str(refused.value)


def test_a_certificate_needs_its_key(tmp_path: Path) -> None:
    certificate = tmp_path / "client.pem"
    certificate.touch()
    with pytest.raises(SettingsError, match='needs both "cert" and "key"'):
        parse_broker_url(f"amqps://host?cert={certificate}")


def test_an_empty_password_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("\n")
    with pytest.raises(SettingsError, match="has no password in its first line"):
        parse_broker_url(f"amqp://host?password_file={tmp_path / 'password'}")


@pytest.mark.parametrize(
    ("end", "vhost"),
    [
        ("", "/"),
        ("/", "/"),
        ("/vss", "vss"),
        ("/%2Fvss", "/vss"),
        ("/%2fvss", "/vss"),
        ("/%252Fvss", "%2Fvss"),
        ("/%2F", "/"),
        ("/%D0%B2", "в"),
        ("/vss?heartbeat=0", "vss"),
    ],
)
def test_the_virtual_host_is_what_the_rule_of_amqp_urls_says(end: str, vhost: str) -> None:
    assert parse_broker_url(f"amqp://user:secret@host:5672{end}").vhost == vhost


def test_what_is_left_out_has_the_broker_s_own_defaults() -> None:
    assert parse_broker_url("amqp://host") == BrokerEndpoint(
        addresses=(("host", 5672),), vhost="/", user="guest", password=Secret("guest")
    )
    assert parse_broker_url("amqps://host").addresses == (("host", 5671),)
    assert parse_broker_url("amqp://user:@host").password == Secret("")


def test_parts_are_percent_decoded_and_nodes_of_a_cluster_are_kept_in_order() -> None:
    assert parse_broker_url("amqp://us%40er:p%3Aw@[::1]:7000,b/x?heartbeat=3") == BrokerEndpoint(
        addresses=(("::1", 7000), ("b", 5672)), vhost="x", user="us@er", password=Secret("p:w"), heartbeat=3
    )


def test_a_password_comes_from_the_environment_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("from file\nanother line\n")
    assert parse_broker_url("amqp://user@host?password_env=P", {"P": "word"}).password == Secret("word")
    assert parse_broker_url(f"amqp://user@host?password_file={tmp_path}/password").password == Secret("from file")


def test_files_of_tls_are_kept_by_name(tmp_path: Path) -> None:
    for name in ("ca.pem", "client.pem", "client.key"):
        (tmp_path / name).touch()
    endpoint = parse_broker_url(
        f"amqps://host?ca={tmp_path}/ca.pem&cert={tmp_path}/client.pem&key={tmp_path}/client.key"
    )
    assert (endpoint.tls, endpoint.ca) == (True, f"{tmp_path}/ca.pem")
    assert (endpoint.certificate, endpoint.private_key) == (f"{tmp_path}/client.pem", f"{tmp_path}/client.key")


def test_no_password_is_shown() -> None:
    endpoint = parse_broker_url("amqp://user:secret@[::1]:5672/%2Fvss")
    assert endpoint.url == "amqp://user@[::1]:5672/%2Fvss"
    assert "secret" not in repr(endpoint)
    assert parse_broker_url(endpoint.url).vhost == "/vss"

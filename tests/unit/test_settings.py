"""Settings: what is refused first, then the order of the layers."""

import re
from pathlib import Path

import pytest

from vss_router.errors import SettingsError
from vss_router.settings import QueueOverride, QueueSettings, Settings, load_settings


def written(folder: Path, text: str) -> Path:
    path = folder / "router.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        ('htp = "x"', 'unknown setting "htp" in {file}: did you mean "http"?'),
        ("http = 3000", 'the setting "http" in {file} must be text, not 3000'),
        ('http = ["a"]', """the setting "http" in {file} must be text, not ['a']"""),
        ('ended_seconds = "60"', 'the setting "ended_seconds" in {file} must be a number, not "60"'),
        ("ended_seconds = -1", 'the setting "ended_seconds" in {file} must be at least 0, not -1'),
        ("ended_seconds = inf", 'the setting "ended_seconds" in {file} must be a finite number, not inf'),
        ("window_seconds = 0", 'the setting "window_seconds" in {file} must be more than 0, not 0'),
        ('log_format = "xml"', 'the setting "log_format" in {file} must be one of text, json, not "xml"'),
        ('ami = "main=a:b@c"', 'the setting "ami" in {file} must be a list of texts, not "main=a:b@c"'),
        ("ami = [1]", 'the setting "ami" in {file} must be a list of texts, not [1]'),
        ("queues = 1", 'the setting "queues" in {file} must be a table of queues, such as [queues.support]'),
        ("queues.vip = 1", 'the setting "queues.vip" in {file} must be a table, such as [queues.vip]'),
        ("[queues.vip]\nwrapup = 1", 'unknown setting "queues.vip.wrapup" in {file}: a queue has wrapup_seconds'),
        (
            '[queues.vip]\nwrapup_seconds = "x"',
            'the setting "queues.vip.wrapup_seconds" in {file} must be a number, not "x"',
        ),
    ],
)
def test_a_bad_setting_in_a_file_is_one_sentence_with_its_name_and_the_file(
    tmp_path: Path, toml: str, sentence: str
) -> None:
    path = written(tmp_path, toml)
    with pytest.raises(SettingsError) as raised:
        load_settings(config=path)
    assert str(raised.value) == sentence.format(file=path)


def test_an_unknown_setting_like_no_other_lists_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r'"--zzz" .*known settings are ami, http, http_token'):
        load_settings({"zzz": 1})


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("VSS_ROUTER_HTPP", "x", 'unknown setting "VSS_ROUTER_HTPP" in the environment: did you mean "http"?'),
        ("VSS_ROUTER_LOG_LEVEL", "loud", "must be one of debug, info, warning, error"),
        ("VSS_ROUTER_RESYNC_SECONDS", "soon", 'must be a number, not "soon"'),
        ("VSS_ROUTER_QUEUES", "support=15", 'must look like support.wrapup_seconds=15, not "support=15"'),
        ("VSS_ROUTER_QUEUES", "support.wrapup_seconds=long", 'must be a number, not "long"'),
    ],
)
def test_a_bad_environment_variable_is_named(variable: str, value: str, expected: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(environ={variable: value})
    assert variable in str(raised.value)
    assert expected in str(raised.value)


def test_a_bad_option_is_named_as_it_was_typed() -> None:
    with pytest.raises(SettingsError, match=r'"--ended-seconds" on the command line must be a number, not "x"'):
        load_settings({"ended_seconds": "x"})


@pytest.mark.parametrize("content", [b"a = = 1", b"\xff\xfe"])
def test_a_file_that_is_not_toml_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="broken.toml is not"):
        load_settings(config=path)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent.toml cannot be read: No such file"):
        load_settings(config=tmp_path / "absent.toml")


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_an_empty_token_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "token"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match="has no token in its first line"):
        load_settings({"http_token_file": str(path)})


def test_a_missing_token_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r'"http_token_file" .*absent cannot be read: No such file'):
        load_settings({"http_token_file": str(tmp_path / "absent")})


def test_without_anything_the_defaults_stand() -> None:
    assert load_settings() == Settings()
    assert load_settings({"http": None}).http == "127.0.0.1:3000"


def test_command_line_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    path = written(tmp_path, 'http = "127.0.0.1:1"\nlog_level = "error"\nlog_format = "json"\nended_seconds = 5')
    environ = {"VSS_ROUTER_HTTP": "127.0.0.1:2", "VSS_ROUTER_LOG_LEVEL": "warning"}
    settings = load_settings({"http": "127.0.0.1:3"}, config=path, environ=environ)
    assert (settings.http, settings.log_level, settings.log_format) == ("127.0.0.1:3", "warning", "json")
    assert (settings.ended_seconds, settings.window_seconds) == (5.0, 86_400.0)


def test_the_environment_can_name_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "ended_seconds = 7")
    assert load_settings(environ={"VSS_ROUTER_CONFIG": str(path)}).ended_seconds == 7.0


def test_the_three_places_say_the_same_of_queues_and_lists(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        'ami = ["a=u:s@h", "b=u:s@h"]\ntrunks = ["*/out*", "SIP/x*"]\n'
        '[queues.support]\nwrapup_seconds = 15\n[queues."*"]\nwrapup_seconds = 2.5',
    )
    environ = {
        "VSS_ROUTER_AMI": "a=u:s@h b=u:s@h",
        "VSS_ROUTER_TRUNKS": "*/out* SIP/x*",
        "VSS_ROUTER_QUEUES": "support.wrapup_seconds=15 *.wrapup_seconds=2.5",
    }
    options = {
        "ami": ["a=u:s@h", "b=u:s@h"],
        "trunks": ["*/out*", "SIP/x*"],
        "queues": ["support.wrapup_seconds=15", "*.wrapup_seconds=2.5"],
    }
    from_file = load_settings(config=path)
    assert from_file.queues == {"support": QueueSettings(wrapup_seconds=15), "*": QueueSettings(wrapup_seconds=2.5)}
    assert from_file.wrapup_seconds == {"support": 15.0, "*": 2.5}
    assert from_file == load_settings(environ=environ) == load_settings(options)


def test_a_queue_name_may_hold_dots() -> None:
    assert load_settings({"queues": ["eu.support.wrapup_seconds=3"]}).wrapup_seconds == {"eu.support": 3.0}


def test_other_environment_variables_are_left_alone() -> None:
    assert load_settings(environ={"PATH": "/bin", "HTTP": "x", "VSS_ROUTER_AMI_SECRET_MAIN": "s"}) == Settings()


def test_the_token_is_the_first_line_of_its_file_unless_it_is_given(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("  s3cret \nnote\n", encoding="utf-8")
    assert load_settings({"http_token_file": str(path)}).http_token == "s3cret"
    assert load_settings({"http_token_file": str(path), "http_token": "near"}).http_token == "near"


def test_a_nearer_token_file_beats_a_token_further_away(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("near\n", encoding="utf-8")
    path = written(tmp_path, 'http_token = "far"')
    environ = {"VSS_ROUTER_HTTP_TOKEN_FILE": str(token)}
    assert load_settings({"http_token_file": str(token)}, config=path).http_token == "near"
    assert load_settings(config=path, environ=environ).http_token == "near"
    assert load_settings({"http_token": "nearest"}, config=path, environ=environ).http_token == "nearest"


def test_the_data_folder_is_the_state_folder_unless_set(tmp_path: Path) -> None:
    assert Settings().data_folder.name == "vss-router"
    assert load_settings({"data_dir": str(tmp_path)}).data_folder == tmp_path


@pytest.mark.parametrize("text", ["3000", "localhost", "127.0.0.1:", "127.0.0.1:x", "::1:3000", "h:65536", "h:-1", ""])
def test_an_http_address_without_host_and_port_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match='"http" must be written as host:port'):
        _ = Settings(http=text).http_listen


@pytest.mark.parametrize(
    ("text", "expected"),
    [("127.0.0.1:3000", ("127.0.0.1", 3000)), ("[::1]:0", ("::1", 0)), (":8080", ("", 8080))],
)
def test_an_http_address_is_read_as_host_and_port(text: str, expected: tuple[str, int]) -> None:
    assert Settings(http=text).http_listen == expected


def test_a_queue_of_the_broker_is_changed_in_the_file_and_on_one_line(tmp_path: Path) -> None:
    path = written(tmp_path, '[broker_queues."vss.call.events"]\nmax_length = 500\noverflow = "reject-publish"')
    wanted = {"vss.call.events": QueueOverride(max_length=500, overflow="reject-publish")}
    assert load_settings(config=path).broker_queues == wanted
    line = "vss.call.events.max_length=500 vss.call.events.overflow=reject-publish"
    assert load_settings({"broker_queues": line.split()}).broker_queues == wanted
    assert load_settings(environ={"VSS_ROUTER_BROKER_QUEUES": line}).broker_queues == wanted


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("q.max_length=-1", "must be at least 0, not"),
        ("q.max_priority=256", "must be at most 255, not"),
        ("q.overflow=drop-tail", "must be one of drop-head, reject-publish, reject-publish-dlx, not"),
        ("q.ttl=5", 'unknown setting "--broker-queues.q.ttl" on the command line: a queue has ttl_seconds'),
    ],
)
def test_a_queue_of_the_broker_that_cannot_be_so_is_refused_by_name(line: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(sentence)):
        load_settings({"broker_queues": [line]})


def test_a_fraction_is_at_most_one() -> None:
    with pytest.raises(SettingsError, match="must be at most 1, not"):
        load_settings({"message_log": "1.5"})

"""Bad input from outside: one clear sentence on stderr, an exit code that is not 0, never a traceback."""

import asyncio
import gzip
import ssl
from pathlib import Path

import pytest
import trustme

from tests.e2e.conftest import Run, RunHere
from vss_router.ami.replay import ReplayServer
from vss_router.data_folder import locked_folder

SECRET = "s3cret-of-the-pbx"


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["serve"], ["no PBX to serve", "--ami main=user:secret@host:5038"]),
        (["serve", "--htpp", "x"], ["--htpp", "see vss-router serve --help"]),
        (["nonsense"], ["nonsense", "see vss-router --help"]),
        (["serve", "--ami", "main=pbx:5038"], ["names no user"]),
        (["serve", "--ami", "main=u:s@pbx:99999"], ["port must be a number from 1 to 65535"]),
        (["serve", "--ami", "a=u:s@h", "--ami", "a=u:s@i"], ['two PBXs are called "a"']),
        (["serve", "--ami", "main=u:s@h", "--ended-seconds", "x"], ['"--ended-seconds"', 'a number, not "x"']),
        (["serve", "--ami", "main=u:s@h", "--resync-seconds", "-1"], ['"--resync-seconds"', "at least 0"]),
        (["serve", "--ami", "main=u:s@h", "--log-format", "xml"], ['"--log-format"', "one of text, json"]),
        (["serve", "--ami", "main=u:s@h", "--queues", "vip"], ['"--queues"', "support.wrapup_seconds=15"]),
        (["serve", "--ami", "main=u:s@h", "--http", "3000"], ['"http"', "host:port"]),
        (["serve", "--ami", "main=u:s@h", "--http", "0.0.0.0:0"], ["http_token", "127.0.0.1"]),
        (["serve", "--config", "absent.toml"], ["absent.toml cannot be read"]),
        (["top", "--lang", "fr"], ['"fr"', "en, ru"]),
        (["replay", "absent.ami"], ["absent.ami"]),
        (["replay", "absent.ami", "--listen", "x"], ['"--listen"', "host:port"]),
        (["replay", __file__], ["is not a recording"]),
        (["demo", "--speed", "fast"], ["--speed", '"fast"']),
        (["record", "out.ami", "--ami", "nobody"], ["names no user"]),
    ],
)
def test_input_that_cannot_be_used_is_one_sentence_and_exit_code_2(
    run_here: RunHere, arguments: list[str], parts: list[str]
) -> None:
    run_here(*arguments).assert_one_sentence(*parts, code=2)


def test_a_bad_setting_in_a_file_names_the_file(run_here: RunHere, tmp_path: Path) -> None:
    config = tmp_path / "router.toml"
    config.write_text('ami = ["main=u:s@h"]\nhtp = "127.0.0.1:1"\n', encoding="utf-8")
    run_here("serve", "--config", config).assert_one_sentence('"htp"', str(config), '"http"', code=2)


async def test_a_bad_setting_in_the_environment_names_the_variable(run: Run) -> None:
    ended = await run("serve", env={"VSS_ROUTER_LOG_LEVEL": "loud"})
    ended.assert_one_sentence("VSS_ROUTER_LOG_LEVEL", "debug, info, warning, error", code=2)


def test_a_damaged_recording_is_named(run_here: RunHere, tmp_path: Path, capture: Path) -> None:
    damaged = tmp_path / "damaged.ami.gz"
    damaged.write_bytes(gzip.compress(b"Asterisk Call Manager/11.0.0\r\n" * 1000)[:-9])
    run_here("replay", damaged).assert_one_sentence(str(damaged), "damaged", code=2)


async def test_a_wrong_secret_at_the_start_ends_serve_and_is_not_shown(run: Run, capture: Path) -> None:
    async with ReplayServer(capture, secret=SECRET) as server:
        ended = await run(
            "serve",
            "--ami",
            f"main=router:wr0ng@127.0.0.1:{server.port}",
            "--http",
            "127.0.0.1:0",
            "--log-level",
            "error",
        )
    assert "wr0ng" not in ended.err
    assert ended.code == 1
    assert "Traceback" not in ended.err
    last = ended.err.splitlines()[-1]
    assert last.startswith("vss-router: ")
    assert "Authentication failed" in last


async def test_a_greeting_that_is_not_asterisks_ends_serve(run: Run) -> None:
    async def not_asterisk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2p1\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(not_asterisk, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        ended = await run("serve", "--ami", f"main=r:s@127.0.0.1:{port}", "--http", "127.0.0.1:0")
    assert ended.code == 1
    assert "Traceback" not in ended.err
    assert "not an Asterisk manager" in ended.err.splitlines()[-1]
    assert "SSH-2.0" in ended.err.splitlines()[-1]


async def test_a_certificate_that_does_not_verify_ends_serve(run: Run, capture: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with ReplayServer(capture, ssl_context=context) as server:
        ended = await run("serve", "--ami", f"main=amis://r:s@127.0.0.1:{server.port}", "--http", "127.0.0.1:0")
    assert ended.code == 1
    assert "Traceback" not in ended.err
    last = ended.err.splitlines()[-1]
    assert "certificate" in last
    assert "ca=" in last


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_port_in_use_is_named_with_the_way_out(run_here: RunHere, taken_port: int, command: str) -> None:
    ami = ["--ami", "main=r:s@127.0.0.1:1"] if command == "serve" else []
    ended = run_here(command, *ami, "--http", f"127.0.0.1:{taken_port}")
    ended.assert_one_sentence(f"127.0.0.1:{taken_port}", "--http", code=1)


def test_replay_on_a_port_in_use_is_one_sentence(run_here: RunHere, taken_port: int, capture: Path) -> None:
    ended = run_here("replay", capture, "--listen", f"127.0.0.1:{taken_port}")
    ended.assert_one_sentence(f"Port {taken_port}", "--listen", code=1)


def test_a_data_folder_in_use_names_the_folder_and_the_process(run_here: RunHere, tmp_path: Path) -> None:
    with locked_folder(tmp_path / "state"):
        ended = run_here(
            "serve", "--ami", "main=r:s@127.0.0.1:1", "--http", "127.0.0.1:0", "--data-dir", tmp_path / "state"
        )
    ended.assert_one_sentence(str(tmp_path / "state"), "process id", code=1)


def test_top_without_a_router_is_one_sentence(run_here: RunHere, free_port: int) -> None:
    ended = run_here("top", "--url", f"http://127.0.0.1:{free_port}")
    ended.assert_one_sentence("no router answers", f"127.0.0.1:{free_port}", code=1)


@pytest.mark.parametrize("url", ["127.0.0.1:3000", "ftp://x", "http://[::"])
def test_top_with_a_url_that_is_none_is_one_sentence(run_here: RunHere, url: str) -> None:
    ended = run_here("top", "--url", url)
    ended.assert_one_sentence("--url", code=2)


def test_record_from_a_pbx_that_is_not_there_is_one_sentence(run_here: RunHere, free_port: int, tmp_path: Path) -> None:
    ended = run_here("record", tmp_path / "out.ami", "--ami", f"main=r:s@127.0.0.1:{free_port}")
    assert ended.code == 1
    assert "Traceback" not in ended.err
    assert "cannot be reached" in ended.err


def test_debug_shows_the_traceback(run_here: RunHere) -> None:
    ended = run_here("--debug", "replay", "absent.ami")
    assert ended.code == 2
    assert "Traceback" in ended.err
    assert "CaptureError" in ended.err

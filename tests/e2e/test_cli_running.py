"""The commands that run: what they show, what they serve, and how they end."""

import asyncio
import json
import signal
from pathlib import Path

import httpx
import msgspec
import pytest

from tests.e2e.conftest import TIMEOUT_SECONDS, Background, Run, RunHere
from vss_router.ami.capture import Capture
from vss_router.ami.replay import ReplayServer
from vss_router.data_folder import LOCK_NAME, locked_folder
from vss_router.status.rows import SourceSnapshot

pytestmark = pytest.mark.slow


async def first_line(process: asyncio.subprocess.Process, containing: str) -> str:
    """The first line on stdout with `containing` in it."""
    assert process.stdout is not None
    async with asyncio.timeout(TIMEOUT_SECONDS):
        async for line in process.stdout:
            if containing in line.decode():
                return line.decode()
    raise AssertionError(f"the program ended without saying {containing!r}")


async def answered(url: str, path: str) -> httpx.Response:
    """The answer of a router, once it is ready to give one."""
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client, asyncio.timeout(TIMEOUT_SECONDS):
        while True:
            try:
                if (answer := await client.get(path)).is_success:
                    return answer
            except httpx.ConnectError:
                pass
            await asyncio.sleep(0.05)


async def ended_by(process: asyncio.subprocess.Process, number: signal.Signals) -> tuple[int | None, str, str]:
    """Exit code, stdout and stderr after a signal."""
    process.send_signal(number)
    async with asyncio.timeout(TIMEOUT_SECONDS):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize("source", [[], ["--simulate"]], ids=["recorded", "simulated"])
async def test_the_demo_shows_progress_and_ends_with_a_summary_without_drift(run: Run, source: list[str]) -> None:
    ended = await run("demo", "--duration", "4", "--http", "127.0.0.1:0", *source)
    assert ended.code == 0, ended.err
    assert ended.err == ""
    rest, *progress, summary = ended.out.splitlines()
    assert rest.startswith("REST: http://127.0.0.1:")
    assert progress
    for line in progress:
        assert "main:live" in line
        assert "drift 0" in line
    assert "operators" in summary
    assert "3 queues" in summary or "4 queues" in summary
    assert "drift 0 " in summary


async def test_the_demo_serves_rows_over_rest_and_ends_cleanly_by_ctrl_c(background: Background, run: Run) -> None:
    async with background("demo", "--http", "127.0.0.1:0") as process:
        url = (await first_line(process, "REST: ")).split()[1].removesuffix("/api/queue-status/operators")
        await first_line(process, "main:live")
        snapshot = msgspec.json.decode((await answered(url, "/api/queue-status/snapshot")).content, type=SourceSnapshot)
        assert {row.name for row in snapshot.queues} == {"support", "sales", "vip"}
        assert len(snapshot.operators) >= 20
        shown = await run("top", "--once", "--url", url, "--lang", "ru", "--width", "200")
        code, _, err = await ended_by(process, signal.SIGINT)
    assert (code, err) == (0, "")
    assert shown.code == 0, shown.err
    for row in snapshot.operators:
        assert row.extension in shown.out
    assert "support" in shown.out
    assert "Операторы" in shown.out


async def test_serve_follows_a_pbx_and_frees_its_folder_at_sigterm(
    background: Background, run: Run, capture: Path, tmp_path: Path, free_port: int
) -> None:
    config = tmp_path / "router.toml"
    config.write_text(
        f'http = "127.0.0.1:{free_port}"\ndata_dir = "{tmp_path / "data"}"\nlog_format = "json"\n'
        "[queues.support]\nwrapup_seconds = 3\n",
        encoding="utf-8",
    )
    url = f"http://127.0.0.1:{free_port}"
    async with ReplayServer(capture, secret="right") as pbx:
        ami = f"main=router:right@127.0.0.1:{pbx.port}"
        async with background("serve", "--config", config, "--ami", ami) as process:
            ready = await answered(url, "/ready")
            operator = await answered(url, "/api/queue-status/operators/1001")
            second = await run("serve", "--config", config, "--ami", ami, "--http", "127.0.0.1:0")
            code, out, err = await ended_by(process, signal.SIGTERM)
    assert ready.status_code == 200
    assert operator.json()["id"] == "PJSIP/1001"
    assert operator.headers["x-stale"] == "false"
    assert f"process id {process.pid}" in second.err
    assert second.code == 1
    assert (code, out) == (0, "")
    assert "right" not in err
    lines = [json.loads(line) for line in err.splitlines()]
    assert lines[0]["event"] == "router started"
    assert lines[-1]["event"] == "router stopped"
    with locked_folder(tmp_path / "data"):
        assert (tmp_path / "data" / LOCK_NAME).is_file()


async def test_serve_waits_for_a_pbx_that_is_not_there(background: Background, free_port: int) -> None:
    async with background("serve", "--ami", "main=r:s@127.0.0.1:1", "--http", f"127.0.0.1:{free_port}") as process:
        health = await answered(f"http://127.0.0.1:{free_port}", "/health")
        async with httpx.AsyncClient(trust_env=False) as client:
            ready = await client.get(f"http://127.0.0.1:{free_port}/ready")
        assert process.returncode is None
        code, _, err = await ended_by(process, signal.SIGTERM)
    assert health.is_success
    assert ready.status_code == 503
    assert code == 0
    assert "refuses the connection" in err
    assert "Traceback" not in err


async def test_top_asks_for_the_token_and_takes_it_from_the_environment(
    background: Background, run: Run, capture: Path, free_port: int, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("t0ken\n", encoding="utf-8")
    url = f"http://127.0.0.1:{free_port}"
    async with ReplayServer(capture) as pbx:
        ami = f"main=router:any@127.0.0.1:{pbx.port}"
        arguments = ("serve", "--ami", ami, "--http", f"127.0.0.1:{free_port}", "--http-token-file", token)
        async with background(*arguments):
            await answered(url, "/health")
            without = await run("top", "--once", "--url", url)
            by_environment = await run("top", "--url", url, env={"VSS_ROUTER_HTTP_TOKEN": "t0ken"})
    without.assert_one_sentence("asks for a token; give the right one with --token or --token-file", code=1)
    assert by_environment.code == 0, by_environment.err
    assert "vss-router" in by_environment.out


async def test_replay_serves_a_recording_that_record_writes_down_again(
    background: Background, run: Run, capture: Path, tmp_path: Path
) -> None:
    out = tmp_path / "again.ami.gz"
    async with background("replay", capture, "--listen", "127.0.0.1:0", "--secret", "s3") as process:
        port = (await first_line(process, "Replaying")).split("127.0.0.1:")[1].split()[0]
        recorded = await run("record", out, "--ami", f"main=r:s3@127.0.0.1:{port}", "--seconds", "1", "--every", "1")
        code, said, err = await ended_by(process, signal.SIGTERM)
    assert recorded.code == 0, recorded.err
    assert "sets of lists" in recorded.out
    assert (code, err) == (0, "")
    assert "1 logins" in said
    names = {message.name for message in Capture.read(out).messages()}
    assert {"QueueStatusComplete", "CoreShowChannelsComplete"} <= names


async def test_a_simulated_recording_has_no_drift(run: Run, tmp_path: Path) -> None:
    written = tmp_path / "invented.ami.gz"
    made = await run("simulate", "--write", written, "--seconds", "45", "--operators", "12", "--queues", "2")
    verified = await run("verify", written)
    again = await run("simulate", "--write", written, "--seconds", "1")
    assert made.code == 0, made.err
    again.assert_one_sentence("is there already", code=2)
    assert verified.code == 0, verified.out + verified.err


async def test_simulate_serves_a_call_centre(background: Background, run: Run) -> None:
    async with background("simulate", "--listen", "127.0.0.1:0", "--operators", "7", "--queues", "2") as process:
        port = (await first_line(process, "Simulating 7 operators")).split("127.0.0.1:")[1].split()[0]
        assert int(port) > 0
        code, _, err = await ended_by(process, signal.SIGINT)
    assert (code, err) == (0, "")


def test_the_help_page_names_every_command_with_examples(run_here: RunHere) -> None:
    ended = run_here("--help")
    assert ended.code == 0
    for word in ("demo", "serve", "top", "record", "replay", "simulate", "verify", "Examples", "VSS_ROUTER_LOG_LEVEL"):
        assert word in ended.out
    assert "Traceback" not in ended.err

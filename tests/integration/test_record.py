"""Recording a PBX: what is refused, and that what was recorded can be replayed and tells no number."""

import asyncio
import gzip
from pathlib import Path

import pytest

from tests.recordings import capture, event, queue_status
from vss_router.ami.capture import Capture
from vss_router.ami.endpoint import AmiEndpoint, Secret
from vss_router.ami.record import record
from vss_router.ami.record_mask import NumberMask
from vss_router.ami.replay import ReplayServer
from vss_router.ami.replay_recording import Recording
from vss_router.errors import AmiConnectionError, AmiGreetingError, AmiLoginError, CaptureError, SettingsError

PBX = capture(event("Newchannel", 0, CallerIDNum="79990001122", Uniqueid="1795290561.12"), queue_status(1))


def endpoint(port: int, auth: str = "plain") -> AmiEndpoint:
    return AmiEndpoint(host="127.0.0.1", port=port, username="vss", secret=Secret("s3cret"), auth=auth)  # type: ignore[arg-type]


async def at_once(_seconds: float) -> None:
    await asyncio.sleep(0)


@pytest.mark.parametrize(("seconds", "every"), [(0, 1), (1, 0), (-1, 1)])
async def test_a_recording_needs_a_length(tmp_path: Path, seconds: float, every: float) -> None:
    with pytest.raises(SettingsError, match="above 0 seconds"):
        await record(endpoint(1), tmp_path / "x.ami", seconds=seconds, every=every)


async def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "x.ami"
    path.write_bytes(b"precious")
    with pytest.raises(CaptureError, match="is there already"):
        await record(endpoint(1), path, seconds=1)
    assert path.read_bytes() == b"precious"


async def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"cannot be written \(No such file or directory\)"):
        await record(endpoint(1), tmp_path / "none" / "x.ami", seconds=1)


async def test_nobody_there_and_nobody_of_asterisk_are_told_apart(tmp_path: Path) -> None:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH\r\n")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as other:
        port = other.sockets[0].getsockname()[1]
        with pytest.raises(AmiGreetingError, match="is not an Asterisk manager"):
            await record(endpoint(port), tmp_path / "a.ami", seconds=1)
    with pytest.raises(AmiConnectionError, match="cannot be reached"):
        await record(endpoint(port), tmp_path / "b.ami", seconds=1)


async def test_an_attempt_that_came_to_nothing_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "x.ami.gz"
    async with ReplayServer(PBX, secret="other") as server:
        port = server.port
        with pytest.raises(AmiLoginError):
            await record(endpoint(port), path, seconds=1)
        assert not path.exists()
    with pytest.raises(AmiConnectionError, match="cannot be reached"):
        await record(endpoint(port), path, seconds=1)
    assert not path.exists()


async def test_a_refused_login_is_told(tmp_path: Path) -> None:
    async with ReplayServer(PBX, secret="other", sleep=at_once) as server:
        with pytest.raises(AmiLoginError, match="Authentication failed"):
            await record(endpoint(server.port), tmp_path / "x.ami", seconds=1)


@pytest.mark.parametrize(("name", "auth"), [("x.ami", "plain"), ("x.ami.gz", "md5")])
async def test_what_was_recorded_can_be_replayed(tmp_path: Path, name: str, auth: str) -> None:
    path = tmp_path / name
    async with ReplayServer(PBX, secret="s3cret", speed=None) as server:
        summary = await record(endpoint(server.port, auth), path, seconds=0.2, every=0.1)
    assert path.read_bytes().startswith(b"\x1f\x8b") is name.endswith("gz")
    recorded = Recording(Capture.read(path))
    ids = [entry.action_id for entry in recorded.lists["queuestatus"]]
    assert ids[0] == b"snap-1-QueueStatus"
    assert ids[-1] == b"snap-end-QueueStatus"
    assert len(ids) == summary.sets
    assert recorded.names == [b"Newchannel"]
    # What this PBX cannot tell is named.
    assert "Agents" in summary.refused
    assert not summary.closed_early


async def test_numbers_are_masked_on_the_way_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.ami.gz"
    async with ReplayServer(PBX, speed=None) as server:
        await record(endpoint(server.port), path, seconds=0.1, mask=True)
    data = gzip.decompress(path.read_bytes())
    assert b"79990001122" not in data
    assert b"Uniqueid: 1795290561.12\r\n" in data


@pytest.mark.parametrize(
    "kept",
    [
        "Uniqueid: 1795290561.12",
        "Timestamp: 1795290561.084843",
        "LastCall: 1795290561",
        "Channel: PJSIP/1001-00000012",
        "CallerIDNum: 1001",
        "BridgeUniqueid: 41b00b12-0ded-4025-9390-2d57c80e8833",
        "BridgeId: 41b00b12-0ded-4025-9390-123456789012",
        "StartTime: 2026-11-21 19:49:21",
        "Value: 1795290561.12",
    ],
)
def test_what_only_looks_like_a_number_is_kept(kept: str) -> None:
    assert NumberMask(b"key").mask(f"{kept}\r\n".encode()) == f"{kept}\r\n".encode()


def test_one_number_is_masked_the_same_everywhere() -> None:
    mask = NumberMask(b"key")
    number = mask.mask(b"CallerIDNum: 79990001122\r\n").split()[1].decode()
    assert number != "79990001122"
    assert len(number) == 11
    for before in ("Channel: Local/{}@out-0000001a;1", "CallerIDName: A <{}>", "Exten: {}", "DialString: trunk/{},30"):
        line = f"{before}\r\n"
        assert mask.mask(line.format("79990001122").encode()) == line.format(number).encode()
    assert mask.mask(b"CallerIDNum: +79990001122\r\n") == f"CallerIDNum: +{number}\r\n".encode()


def test_two_numbers_never_become_one() -> None:
    mask = NumberMask(b"key")
    masked = {mask.mask(b"Exten: 1%05d\r\n" % number) for number in range(5_000)}
    assert len(masked) == 5_000

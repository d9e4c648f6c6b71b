"""The captures the benches read, unpacked once to target/bench-inputs."""

import gzip
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
DATA: Final = ROOT / "tests" / "data"
INPUTS: Final = ROOT / "target" / "bench-inputs"
EVERYDAY: Final = "asterisk-22"
CHUNK: Final = 64 * 1024  # bytes of one socket read under load


def unpacked(name: str) -> Path:
    """The plain bytes of a capture of tests/data, by its name without `.ami.gz`."""
    path = INPUTS / f"{name}.ami"
    if not path.exists():
        INPUTS.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.decompress((DATA / f"{name}.ami.gz").read_bytes()))
    return path


def chunks(data: bytes) -> list[bytes]:
    return [data[start : start + CHUNK] for start in range(0, len(data), CHUNK)]


def messages_in(data: bytes) -> int:
    """How many messages stand in a capture, the greeting not counted."""
    return data.count(b"\r\n\r\n")

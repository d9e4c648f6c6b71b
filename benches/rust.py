"""Runs the Rust benches and reads what they leave: criterion's samples, and the growth bench's own rounds."""

import os
import subprocess
from pathlib import Path
from typing import Final

import msgspec

from benches.inputs import INPUTS, ROOT
from benches.rows import GROWTH_SIZES
from benches.schema import Side
from benches.traffic import CallCentre, Size

TARGET: Final = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
CRITERION: Final = TARGET / "criterion"
GROWTH_ROUNDS: Final = 7
GROWTH_EVENTS: Final = 20_000


class Throughput(msgspec.Struct, rename={"bytes": "Bytes"}):
    bytes: int | None = None


class About(msgspec.Struct):
    """Criterion's benchmark.json."""

    group_id: str
    function_id: str | None
    throughput: Throughput | None = None


class Sample(msgspec.Struct):
    """Criterion's sample.json: nanoseconds of each round, and how many passes it was."""

    iters: list[float]
    times: list[float]


class GrowthSide(msgspec.Struct):
    """One size of the growth bench: seconds per event of each round."""

    operators: int
    rounds: list[float]


def cargo_bench(bench: str, environment: dict[str, str]) -> None:
    """Run one bench of the Rust package, its own words going to the terminal."""
    command = ["cargo", "bench", "--quiet", "--locked", "--package", "vss-benches", "--bench", bench]
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, **environment}, timeout=1_800)


def criterion_sides(bench: str, row: str, environment: dict[str, str] | None = None) -> list[Side]:
    """Run a criterion bench and read the sides of the group named after the row."""
    cargo_bench(bench, environment or {})
    sides = []
    for about_path in sorted(CRITERION.glob("*/*/new/benchmark.json")):
        about = msgspec.json.decode(about_path.read_bytes(), type=About)
        if about.group_id != row or about.function_id is None:
            continue
        sample = msgspec.json.decode((about_path.parent / "sample.json").read_bytes(), type=Sample)
        rounds = [nanoseconds / passes / 1e9 for passes, nanoseconds in zip(sample.iters, sample.times, strict=True)]
        size = about.throughput.bytes if about.throughput else None
        sides.append(Side(name=about.function_id, harness="criterion", unit="s/pass", rounds=rounds, bytes=size))
    return sides


def growth_sides() -> list[Side]:
    """Make the traffic of each size, run the growth bench over it, and remove it again: it is large."""
    INPUTS.mkdir(parents=True, exist_ok=True)
    folder, made = INPUTS / "growth", []
    folder.mkdir(exist_ok=True)
    try:
        for size in GROWTH_SIZES:
            centre = CallCentre(Size.growing(size))
            lists = folder / f"{size}-lists.ami"
            made.append(lists)
            with lists.open("wb") as file:
                file.writelines(centre.lists())
            for turn in range(GROWTH_ROUNDS + 1):  # the first one warms up
                live = folder / f"{size}-live-{turn}.ami"
                made.append(live)
                live.write_bytes((b"" if turn else centre.fence()) + centre.round(GROWTH_EVENTS)[0])
        results = folder / "rounds.json"
        cargo_bench("growth", {"VSS_BENCH_GROWTH": str(folder), "VSS_BENCH_RESULTS": str(results)})
        sides = msgspec.json.decode(results.read_bytes(), type=list[GrowthSide])
    finally:
        for path in made:
            path.unlink(missing_ok=True)
    return [
        Side(name=f"{side.operators:,} operators", harness="growth", unit="s/event", rounds=side.rounds)
        for side in sides
    ]

"""Simulated recordings go through `verify` without drift: the simulator's model and the board agree."""

from pathlib import Path

import pytest

from vss_router.ami.simulator import Simulator
from vss_router.status.verify import verify


@pytest.mark.parametrize(("operators", "queues", "calls", "seed"), [(8, 1, 0.3, 1), (40, 4, 1.0, 2), (120, 6, 3.0, 3)])
def test_a_simulated_recording_verifies_without_drift(
    operators: int, queues: int, calls: float, seed: int, tmp_path: Path
) -> None:
    path = tmp_path / "simulated.ami.gz"
    Simulator(operators, queues, calls_per_second=calls, seed=seed).record(path, 90, lists_every=15)
    report = verify(path)
    assert report.sets == 7
    assert report.rows_compared > 1_000
    assert [difference for difference in report.differences if difference.core] == []
    assert not report.drift
    exact = {"channel.application", "channel.application_data", "channel.priority", "device.state"}
    assert {result.field: result.drift for result in report.fields if result.field in exact} == dict.fromkeys(exact, 0)

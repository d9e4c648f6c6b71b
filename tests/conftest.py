"""What all tests share: hypothesis profiles, private servers, and the folders held back until asked for."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# VSS_HYPOTHESIS=slow looks longer, for a machine that has the night.
settings.register_profile("fast", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("slow", max_examples=2_000, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("VSS_HYPOTHESIS", "fast"))

FAULTS = Path(__file__).parent / "faults"
LIVE = Path(__file__).parent / "live"

pytest_plugins = ["tests.services.fixtures"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-faults", action="store_true", help="run tests/faults, which kill and stall real servers")
    parser.addoption("--run-live", action="store_true", help="run tests/live against a real Asterisk on this machine")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if collection_path == LIVE and not config.getoption("--run-live"):
        return True
    if collection_path == FAULTS and not config.getoption("--run-faults"):
        return True
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--run-live"):
        return
    held_back = [item for item in items if item.get_closest_marker("live")]
    if held_back:
        config.hook.pytest_deselected(items=held_back)
        items[:] = [item for item in items if item not in held_back]

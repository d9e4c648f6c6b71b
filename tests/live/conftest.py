"""A real Asterisk for all tests here: version 22, or the one that VSS_LIVE_VERSION names (16)."""

import asyncio
import os

import pytest

from tests.live.live_asterisk import LivePbx, cannot_run, run_kit


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/live" in item.path.as_posix():
            item.add_marker(pytest.mark.live)


@pytest.fixture(scope="session")
def live_version() -> str:
    """Make and start it once; an Asterisk that cannot be had ends the run with one line."""
    if reason := cannot_run():
        pytest.exit(reason, returncode=2)
    version = os.environ.get("VSS_LIVE_VERSION", "22")
    asyncio.run(run_kit("up", version, seconds=600))
    return version


@pytest.fixture
def pbx(live_version: str) -> LivePbx:
    return LivePbx(live_version)

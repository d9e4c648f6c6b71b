"""A real Asterisk for all tests here: version 22, or the one that LIVE_VERSION names (16)."""

import asyncio
import os
from collections.abc import Iterator

import pytest

from tests.live.live_asterisk import CANNOT, KitError, LivePbx

FIRST_TIME_SECONDS = 900
"""Whichever test comes first may wait for debootstrap."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/live" in item.path.as_posix():
            item.add_marker(pytest.mark.live)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(FIRST_TIME_SECONDS))


@pytest.fixture(scope="session")
def pbx() -> Iterator[LivePbx]:
    """Made and started once; an Asterisk that cannot be had ends the run with one line."""
    live = LivePbx(os.environ.get("LIVE_VERSION", "22"))
    try:
        asyncio.run(live.up())
    except KitError as error:
        if error.code == CANNOT:
            pytest.exit(str(error), returncode=CANNOT)
        raise
    try:
        yield live
    finally:
        asyncio.run(live.down())

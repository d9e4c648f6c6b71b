"""Fixtures of the fake Asterisk: a clock moved by hand, a server, a client that is connected."""

from collections.abc import AsyncIterator

import pytest

from tests.ami_client import AmiClient, ManualClock, serving
from tests.integration.replay_serving import RECORDING, Serve, Serving
from vss_router.ami.replay import ReplayServer


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def serve(clock: ManualClock) -> Serve:
    def made(*args: object, **options: object) -> Serving:
        replay = ReplayServer(*(args or (RECORDING,)), clock=clock, sleep=clock.sleep, **options)  # type: ignore[arg-type]
        return serving(replay)

    return made


@pytest.fixture
async def client(serve: Serve) -> AsyncIterator[AmiClient]:
    async with serve() as server, await AmiClient.connect(server.port) as connected:
        yield connected

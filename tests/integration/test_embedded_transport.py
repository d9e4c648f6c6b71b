"""The embedded broker keeps the contract of transports, with a journal and without one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.transport_contract import TransportContract
from tests.contract.transport_rig import TransportRig
from vss_router.broker.embedded import EmbeddedTransport


class EmbeddedRig(TransportRig):
    """An embedded broker; it has no connections, so what begins again is all of it."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.transport = EmbeddedTransport(path)

    async def reopen(self) -> None:
        if self._path is None:
            pytest.skip("without a journal nothing outlives the transport")
        await self.transport.close()
        self.transport = EmbeddedTransport(self._path)
        await self.transport.connect()

    async def restart(self) -> None:
        await self.reopen()


class TestEmbeddedTransport(TransportContract):
    @pytest.fixture
    async def rig(self, tmp_path: Path) -> AsyncIterator[EmbeddedRig]:
        rig = EmbeddedRig(tmp_path / "broker.db")
        await rig.transport.connect()
        yield rig
        await rig.transport.close()


class TestEmbeddedTransportInMemory(TransportContract):
    @pytest.fixture
    async def rig(self) -> AsyncIterator[EmbeddedRig]:
        rig = EmbeddedRig(None)
        await rig.transport.connect()
        yield rig
        await rig.transport.close()

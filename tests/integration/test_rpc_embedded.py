"""Remote calls at the embedded broker."""

from collections.abc import AsyncIterator

import pytest

from tests.contract.rpc_contract import RpcContract, desk
from vss_router.broker.embedded import EmbeddedTransport
from vss_router.broker.transport import Transport
from vss_router.broker.vss_topology import vss_topology

__all__ = ["desk"]


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    embedded = EmbeddedTransport()
    await embedded.connect()
    await embedded.declare(vss_topology())
    yield embedded
    await embedded.close()


class TestEmbedded(RpcContract):
    pass

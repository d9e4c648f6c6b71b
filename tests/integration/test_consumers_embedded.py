"""Consumers and dead letters at the embedded broker."""

from collections.abc import AsyncIterator

import pytest

from tests.contract.consumers_contract import ConsumersContract, group
from tests.contract.consumers_waiting_contract import WaitingContract
from vss_router.broker.embedded import EmbeddedTransport
from vss_router.broker.transport import Transport
from vss_router.broker.vss_topology import vss_topology

__all__ = ["group"]


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    embedded = EmbeddedTransport()
    await embedded.connect()
    await embedded.declare(vss_topology())
    yield embedded
    await embedded.close()


class TestEmbedded(ConsumersContract, WaitingContract):
    pass

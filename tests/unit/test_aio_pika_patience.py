"""How long aio-pika's transport waits between two connections."""

import random

import pytest

from tests.contract.transport_rig import until
from vss_router.ami.backoff import Backoff
from vss_router.broker.aio_pika import AioPikaTransport
from vss_router.broker.aio_pika.patience import Patience
from vss_router.broker.aio_pika.session import Session
from vss_router.broker.endpoint import parse_broker_url
from vss_router.errors import BrokerUnavailableError


class Life:
    """Connections that stand for so many seconds each."""

    def __init__(self, seconds: float) -> None:
        self.now = 0.0
        self._seconds = seconds
        self._patience = Patience(Backoff(0.05, 2.0, lambda: 1.0), clock=lambda: self.now)

    def waits(self, connections: int) -> list[float]:
        return [self._one() for _ in range(connections)]

    def _one(self) -> float:
        self._patience.stands()
        self.now += self._seconds
        return self._patience.next()

    def without_any(self) -> float:
        self.now += 60.0
        return self._patience.next()


def test_a_connection_that_ends_at_once_again_and_again_is_made_less_and_less_often() -> None:
    assert Life(0.01).waits(8) == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


def test_a_connection_that_was_of_use_is_made_again_at_once() -> None:
    assert Life(10.0).waits(4) == [0.05] * 4


def test_what_was_of_use_counts_once_and_what_never_stood_not_at_all() -> None:
    life = Life(10.0)
    assert [*life.waits(1), life.without_any(), life.without_any()] == [0.05, 0.1, 0.2]


async def test_whatever_connecting_raises_it_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(*_: object, **__: object) -> None:
        raise ValueError("nobody expected this")

    monkeypatch.setattr(Session, "open", failing)
    transport = AioPikaTransport(parse_broker_url("amqp://127.0.0.1:1/"), random=random.Random(1).random)
    try:
        with pytest.raises(BrokerUnavailableError, match=r"127.0.0.1:1 broke \(nobody expected this\)"):
            await transport.connect()
        await until(lambda: transport.status.failures > 2)
        assert transport.status.state == "connecting"
    finally:
        await transport.close()

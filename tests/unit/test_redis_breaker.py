"""The circuit breaker: what opens it, who may try, what closes it."""

import asyncio
from typing import Never

import pytest

from vss_router.status.redis.breaker import BreakerOpenError, CircuitBreaker


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def fail() -> Never:
    raise ConnectionError


async def answer() -> str:
    return "answer"


async def failed(breaker: CircuitBreaker, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(ConnectionError):
            await breaker.run(fail, ConnectionError)


def made(time: Time, *, random: float = 0.5) -> CircuitBreaker:
    """Waits of 1, 2, 4, 4, … seconds."""
    return CircuitBreaker(failures=2, first_seconds=1.0, most_seconds=4.0, clock=time, random=lambda: random)


async def refused(breaker: CircuitBreaker) -> bool:
    try:
        await breaker.run(answer, ConnectionError)
    except BreakerOpenError:
        return True
    return False


async def test_it_opens_after_so_many_failures_in_a_row_and_then_asks_nothing() -> None:
    breaker = made(Time())
    states = []
    for _ in range(2):
        await failed(breaker)
        states.append(breaker.state)
    assert states == ["closed", "open"]
    assert await refused(breaker)
    assert (breaker.stats.failures, breaker.stats.opened, breaker.stats.refused) == (2, 1, 1)


async def test_an_answer_in_between_begins_the_counting_anew() -> None:
    breaker = made(Time())
    await failed(breaker)
    assert not await refused(breaker)
    await failed(breaker)
    assert breaker.state == "closed"


async def test_an_error_that_is_not_the_servers_fault_does_not_count() -> None:
    breaker = made(Time())

    async def misread() -> Never:
        raise ValueError

    for _ in range(3):
        with pytest.raises(ValueError):  # noqa: PT011 - its own, unmistakable
            await breaker.run(misread, ConnectionError)
    assert breaker.state == "closed"


async def test_after_the_wait_one_caller_tries_while_the_others_are_refused() -> None:
    time = Time()
    breaker = made(time)
    await failed(breaker, 2)
    time.now = 1.0
    release = asyncio.Event()

    async def slow() -> str:
        await release.wait()
        return "answer"

    trying = asyncio.create_task(breaker.run(slow, ConnectionError))
    await asyncio.sleep(0)
    states = [breaker.state]
    assert await refused(breaker)
    release.set()
    assert await trying == "answer"
    states.append(breaker.state)
    assert states == ["half_open", "closed"]


async def test_each_failed_attempt_doubles_the_wait_up_to_the_longest() -> None:
    time = Time()
    breaker = made(time)
    await failed(breaker, 2)
    for wait in (1.0, 2.0, 4.0, 4.0):
        time.now += wait - 0.01
        assert await refused(breaker)
        time.now += 0.01
        await failed(breaker)


async def test_waits_differ_by_a_fifth() -> None:
    for random, seconds in ((0.0, 0.8), (1.0, 1.2)):
        time = Time()
        breaker = made(time, random=random)
        await failed(breaker, 2)
        time.now = seconds - 0.01
        assert await refused(breaker)
        time.now = seconds + 0.01
        assert not await refused(breaker)


async def test_an_attempt_that_is_cancelled_lets_the_next_caller_try() -> None:
    time = Time()
    breaker = made(time)
    await failed(breaker, 2)
    time.now = 1.0
    trying = asyncio.create_task(breaker.run(asyncio.Event().wait, ConnectionError))
    await asyncio.sleep(0)
    trying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trying
    assert not await refused(breaker)


async def test_failures_of_those_under_way_when_it_opened_do_not_lengthen_the_wait() -> None:
    time = Time()
    breaker = made(time)
    release = asyncio.Event()

    async def late() -> Never:
        await release.wait()
        raise ConnectionError

    under_way = [asyncio.create_task(breaker.run(late, ConnectionError)) for _ in range(5)]
    await asyncio.sleep(0)
    release.set()
    await asyncio.gather(*under_way, return_exceptions=True)
    assert breaker.stats.opened == 1
    time.now = 1.0
    assert not await refused(breaker)

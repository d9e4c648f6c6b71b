"""Things that happen to a RabbitMQ, at random moments, beside a test."""

import asyncio
import random
from collections.abc import Callable
from typing import Final

from tests.services.rabbitmq_server import RabbitMqServer
from tests.services.server_process import wait_until

__all__ = ["come_back", "go_away", "spoil"]

LONGEST: Final = 90.0
"""Seconds that end a test which has failed."""


def go_away(server: RabbitMqServer) -> None:
    """Stop it in good order, inside of its Erlang: for its clients as `stop`, and quicker begun again."""
    # This handler would wait five seconds for an answer of its own process.
    server.evaluate("gen_event:delete_handler(rabbit_event, rabbit_mgmt_db_handler, [])")
    server.evaluate("ok = rabbit:stop()")


def come_back(server: RabbitMqServer) -> None:
    """Begin again what `go_away` stopped."""
    server.evaluate("ok = rabbit:start()")
    wait_until(server.answers, "an answer of the RabbitMQ that came back", LONGEST)


async def spoil(server: RabbitMqServer, what: list[str], chance: random.Random, still: Callable[[], bool]) -> list[str]:
    """Do these in random order with random pauses while `still` holds; gives what was done. The server runs after."""
    done: list[str] = []
    for each in chance.sample(what, len(what)):
        await asyncio.sleep(chance.uniform(0.2, 1.5))
        if not still():
            break
        match each:
            case "close":
                await asyncio.to_thread(server.close_connections)
            case "restart":
                await asyncio.to_thread(go_away, server)
                await asyncio.sleep(chance.uniform(0.0, 1.0))
                await asyncio.to_thread(come_back, server)
            case "kill":
                await asyncio.to_thread(server.restart)
            case "hang":
                server.pause()
                await asyncio.sleep(chance.uniform(0.1, 1.0))
                server.resume()
        done.append(each)
    return done

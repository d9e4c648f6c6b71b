"""Things that happen to a RabbitMQ, at random moments, beside a test."""

import asyncio
import random
from collections.abc import Callable

from tests.services.rabbitmq_server import RabbitMqServer

__all__ = ["spoil"]


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
                await asyncio.to_thread(server.stop)
                await asyncio.sleep(chance.uniform(0.0, 1.0))
                await asyncio.to_thread(server.start)
            case "kill":
                await asyncio.to_thread(server.restart)
            case "hang":
                server.pause()
                await asyncio.sleep(chance.uniform(0.1, 1.0))
                server.resume()
        done.append(each)
    return done

"""Users of the read API at work, and beside them users of a bare constant route.

`make load` runs it with a router under a flood of AMI events. By hand, against a router of your own, with BARE_URL and
VSS_TOKEN in the environment if wanted: `locust -f loadtests/locustfile.py --host http://127.0.0.1:3000`.
"""

import os
import random
import time
from http.client import HTTPConnection, HTTPException
from typing import Final
from urllib.parse import urlsplit

import gevent
from locust import FastHttpUser, between, constant, constant_pacing, events, task

STATUS: Final = "/api/queue-status"
BARE_URL: Final = os.environ.get("BARE_URL", "")
TOKEN: Final = os.environ.get("VSS_TOKEN", "")
AUTHORIZATION: Final = {"Authorization": f"Bearer {TOKEN}"} if TOKEN else {}
STREAM_SECONDS: Final = 10.0
PAGE: Final = 500


class Reader(FastHttpUser):
    """Knows which operators and queues there are."""

    abstract = True
    operators: list[str]
    queues: list[str]

    def on_start(self) -> None:
        self.operators = self.ids("operators", "id")
        self.queues = self.ids("queues", "name")

    def ids(self, table: str, field: str) -> list[str]:
        with self.client.get(
            f"{STATUS}/{table}?limit={PAGE}", headers=AUTHORIZATION, name=f"/{table} (at the start)"
        ) as answer:
            return [str(row[field]).replace("/", "%2F") for row in answer.json()["items"]]


class Wallboard(Reader):
    """Shows everything and asks every second whether anything has changed."""

    weight = 2
    wait_time = constant_pacing(1)
    tag = ""

    @task
    def snapshot(self) -> None:
        headers = AUTHORIZATION | ({"If-None-Match": self.tag} if self.tag else {})
        with self.client.get(f"{STATUS}/snapshot", headers=headers, name="/snapshot", catch_response=True) as answer:
            if answer.status_code == 304 or (answer.status_code == 200 and answer.headers.get("etag")):
                self.tag = answer.headers.get("etag") or self.tag
                answer.success()
            else:
                answer.failure(f"{answer.status_code} without an ETag")


class Desk(Reader):
    """A program beside a telephone: one operator, again and again."""

    weight = 12
    wait_time = between(0.05, 0.15)

    def on_start(self) -> None:
        super().on_start()
        self.operator = random.choice(self.operators)

    @task
    def own_operator(self) -> None:
        self.client.get(f"{STATUS}/operators/{self.operator}", headers=AUTHORIZATION, name="/operators/{id}")


class Supervisor(Reader):
    """Looks at one queue after the other, and at who is in it."""

    weight = 4
    wait_time = between(0.2, 0.6)

    @task
    def queue(self) -> None:
        name = random.choice(self.queues)
        for what in ("", "/operators", "/callers"):
            path = f"{STATUS}/queues/{name}{what}"
            self.client.get(path, headers=AUTHORIZATION, name=f"/queues/{{name}}{what}")


class Listener(Reader):
    """Follows the stream; what counts is how long the snapshot takes, and that changes come."""

    weight = 2
    wait_time = constant(0)

    @task
    def stream(self) -> None:
        seen = {b"snapshot": 0, b"changes": 0}
        error: Exception | None = None
        first = 0.0
        begun = time.perf_counter()
        # Not by the user's own client, which keeps a connection it has not read to its end for the next request.
        connection = HTTPConnection(urlsplit(self.host or "").netloc, timeout=STREAM_SECONDS)
        try:
            with gevent.Timeout(STREAM_SECONDS, False):
                connection.request("GET", f"{STATUS}/stream", headers=AUTHORIZATION)
                answer = connection.getresponse()
                while line := answer.readline():
                    kind = line.strip().removeprefix(b"event: ")
                    if kind in seen:
                        seen[kind] += 1
                        first = first or time.perf_counter() - begun
        except (OSError, HTTPException) as broken:
            error = broken
        finally:
            connection.close()
        if error is None and not all(seen.values()):
            error = RuntimeError(f"the stream brought {seen} in {STREAM_SECONDS:g} s")
        report = {"request_type": "SSE", "name": "/stream (first message)", "response_time": first * 1000}
        events.request.fire(**report, response_length=0, exception=error, context={})  # type: ignore[no-untyped-call]


class Bare(FastHttpUser):
    """Asks a route that does nothing, as often as a desk asks for its operator."""

    weight = 12
    abstract = not BARE_URL
    wait_time = between(0.05, 0.15)

    @task
    def constant(self) -> None:
        self.client.get(f"{BARE_URL}/constant", name="bare route")

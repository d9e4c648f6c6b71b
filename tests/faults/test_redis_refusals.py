"""Redis answers and will not: a certificate, a right, a replica, no memory. Healed, it is filled without a restart."""

from pathlib import Path
from typing import Any

from tests.faults.watched_router import watched
from tests.services.certificates import Certificates, make_certificates
from tests.services.fixtures import StartRedis

ROUTER = "user router on >secret ~* &* +@all"


async def test_a_certificate_of_a_foreign_authority(
    start_redis: StartRedis, certificates: Certificates, tmp_path: Path
) -> None:
    server = start_redis(tls=certificates)
    foreign = make_certificates(tmp_path)
    async with watched(server) as both:
        before, _ = await both.asks(both.reader)
        # As when the wrong file was renewed. Connections that stand do not notice, this one of ours neither.
        with server.client() as client:
            present(client, foreign)
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            last = await both.still_reads_the_pbx()
            await both.notices("TLS with Redis")
            await both.reader_shows(before["reason"], stale=True)
            present(client, certificates)
        await both.recovered()
        await both.reader_shows(last, stale=False)


def present(client: Any, certificates: Certificates) -> None:
    """Have the server present this certificate from now on."""
    files = {"tls-cert-file": certificates.certificate, "tls-key-file": certificates.key}
    client.execute_command("CONFIG", "SET", *(word for name, file in files.items() for word in (name, str(file))))


async def test_a_user_who_may_not_write_any_more(start_redis: StartRedis) -> None:
    server = start_redis(acl=f"user default on nopass ~* &* +@all\n{ROUTER}\n")
    url = f"redis://router:secret@127.0.0.1:{server.port}/0"
    async with watched(server, url) as both:
        server.command("ACL", "SETUSER", "router", "-fcall")
        last = await both.still_reads_the_pbx()
        await both.notices("ACL SETUSER")
        assert "NOPERM" in str(both.trouble())
        server.command("ACL", "SETUSER", "router", "+fcall")
        await both.recovered()
        await both.reader_shows(last, stale=False)


async def test_a_master_that_has_become_a_replica(start_redis: StartRedis) -> None:
    server, other = start_redis(), start_redis()
    async with watched(server) as both:
        server.command("REPLICAOF", "127.0.0.1", other.port)
        last = await both.still_reads_the_pbx()
        await both.notices("is a replica")
        await both.asks(both.reader)
        server.command("REPLICAOF", "NO", "ONE")
        await both.recovered()
        await both.reader_shows(last, stale=False)


async def test_a_redis_without_memory(start_redis: StartRedis) -> None:
    server = start_redis()
    async with watched(server) as both:
        server.command("CONFIG", "SET", "maxmemory", "1mb")
        last = await both.still_reads_the_pbx()
        await both.notices("maxmemory")
        await both.asks(both.reader)
        server.command("CONFIG", "SET", "maxmemory", "0")
        await both.recovered()
        await both.reader_shows(last, stale=False)

"""What a writer does when Redis fails it or is not as it should be."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.written_board import (
    NOW,
    WrittenBoard,
    bytes_client,
    difference,
    recorded,
    set_operator,
)
from tests.services.certificates import Certificates
from tests.services.fixtures import StartCluster, StartRedis, StartSentinel
from tests.services.redis_cluster import RedisCluster
from tests.services.server_process import wait_until

BASE = "queue:{main}:"
ROOT = Path(__file__).parents[2]


@contextmanager
def serving(answers: dict[bytes, bytes]) -> Iterator[int]:
    """A server that answers commands by their first word, and anything else with +OK."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    while received := connection.recv(65536):
                        for word in (part.split(b"\r\n")[2] for part in received.split(b"*")[1:]):
                            connection.sendall(answers.get(word.upper(), b"+OK\r\n"))

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def test_a_redis_before_7_is_refused_in_one_sentence() -> None:
    info = b"# Server\r\nredis_version:6.2.14\r\n"
    with (
        serving({b"INFO": b"$%d\r\n%s\r\n" % (len(info), info)}) as port,
        WrittenBoard(recorded(), None, addresses=[("127.0.0.1", port)]) as written,
    ):
        written.wait_for(lambda: written.writer.status().state == "refused", "refused")
        assert written.writer.status().trouble == (
            f"Redis at 127.0.0.1:{port} is of version 6.2.14 and status rows need 7.0 or newer, or Valkey: "
            "upgrade it or name another one"
        )


def test_a_server_that_never_answers_holds_nobody_up() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        WrittenBoard(
            recorded(), None, addresses=[server.getsockname()], connect_seconds=0.05, answer_seconds=0.05
        ) as written,
    ):
        written.wait_for(lambda: written.writer.status().failures > 1, "given up twice")
        assert "cannot be reached" in str(written.writer.status().trouble)


def test_a_wrong_password_is_told_and_tried_again(start_redis: StartRedis) -> None:
    server = start_redis(password="right")
    with WrittenBoard(recorded(), server, password="wrong") as written:
        written.wait_for(lambda: written.writer.status().failures > 2, "tried again")
        assert "refuses the user or the password" in str(written.writer.status().trouble)
        server.command("CONFIG", "SET", "requirepass", "wrong")
        written.wait()


@pytest.mark.parametrize("denied", ["-fcall", "-function|load", "-psetex", "-xadd"])
def test_a_user_who_may_not_write_is_told_and_allowed_later(start_redis: StartRedis, denied: str) -> None:
    rules = "on >secret ~* &* +@all"
    server = start_redis(acl=f"user default on nopass ~* &* +@all\nuser router {rules} {denied}\n")
    board = recorded()
    with WrittenBoard(board, server, username="router", password="secret") as written:
        written.wait_for(lambda: "ACL SETUSER" in str(written.writer.status().trouble), "told")
        server.command("ACL", "SETUSER", "router", "+@all")
        written.wait()
        with bytes_client(server) as client:
            assert difference(client, board) == []


def test_the_rights_that_the_manual_names_are_enough(start_redis: StartRedis) -> None:
    page = " ".join((ROOT / "docs" / "troubleshooting.md").read_text().split())
    rights = page.partition("(or your prefix): `")[2].partition("`")[0]
    assert rights.startswith("+info ")
    server = start_redis(acl=f"user default on nopass ~* &* +@all\nuser router on >secret ~queue:* {rights}\n")
    board = recorded()
    with WrittenBoard(board, server, username="router", password="secret") as written:
        set_operator(board, "SIP/1", "sales")
        written.wait()
        board.remove_row("operators", "SIP/1", NOW)
        written.rewritten()
        with bytes_client(server) as client:
            assert difference(client, board) == []
            assert written.writer.status().failures == 0


def test_tls_is_spoken_and_a_foreign_authority_is_named(start_redis: StartRedis, certificates: Certificates) -> None:
    server = start_redis(tls=certificates)
    foreign = certificates.other_ca.read_bytes()
    with WrittenBoard(recorded(), server, tls=True, ca=foreign) as written:
        written.wait_for(lambda: written.writer.status().failures > 1, "refused")
        trouble = str(written.writer.status().trouble)
        assert "TLS with Redis" in trouble
        assert "ca=" in trouble
    with WrittenBoard(
        recorded(),
        server,
        tls=True,
        ca=certificates.ca.read_bytes(),
        certificate=certificates.client_certificate.read_bytes(),
        private_key=certificates.client_key.read_bytes(),
    ) as written:
        written.wait()
        assert server.command("EXISTS", BASE + "meta") == 1


def test_plain_text_to_a_port_of_tls_is_told(start_redis: StartRedis, certificates: Certificates) -> None:
    server = start_redis(tls=certificates)
    with WrittenBoard(recorded(), server) as written:
        written.wait_for(lambda: written.writer.status().failures > 1, "refused")
        assert written.writer.status().trouble


def test_a_socket_of_this_machine_will_do(start_redis: StartRedis, tmp_path: Path) -> None:
    path = tmp_path / "redis.sock"
    server = start_redis(arguments=["--unixsocket", str(path)])
    board = recorded()
    with WrittenBoard(board, server, unix_path=str(path)) as written:
        written.wait()
        with bytes_client(server) as client:
            assert difference(client, board) == []


def test_a_cluster_is_written_on_the_node_of_the_pbx(redis_cluster: RedisCluster) -> None:
    for source in ("main", "b", "third"):
        board = recorded(source)
        with WrittenBoard(
            board, None, mode="cluster", addresses=[node.address for node in redis_cluster.nodes[::-1]]
        ) as written:
            set_operator(board, "SIP/1", "sales")
            written.wait()
            written.rewritten()
            with bytes_client(redis_cluster.node_of(f"queue:{{{source}}}:meta")) as client:
                others = {key.decode() for key in client.scan_iter() if f"{{{source}}}".encode() not in key}
                wrong = [line for line in difference(client, board) if line.split(" stands there")[0] not in others]
                assert wrong == []
            sources = redis_cluster.node_of("queue:sources")
            wait_until(lambda: source in sources.command("SMEMBERS", "queue:sources"), "named")  # noqa: B023


def test_a_lost_node_of_a_cluster_is_waited_for(start_cluster: StartCluster) -> None:
    cluster = start_cluster(partial=True)
    board = recorded()
    node = cluster.node_of(BASE + "meta")
    with WrittenBoard(
        board, None, mode="cluster", addresses=[other.address for other in cluster.nodes], answer_seconds=0.3
    ) as written:
        written.wait()
        failures = written.writer.status().failures
        node.kill()
        written.wait_for(lambda: written.writer.status().failures > failures + 1, "noticed")
        set_operator(board, "SIP/1", "sales")
        node.start()
        written.wait()
        with bytes_client(node) as client:
            assert difference(client, board) == []


def test_a_fail_over_is_followed_by_sentinel(start_sentinel: StartSentinel) -> None:
    sentinel = start_sentinel()
    board = recorded()
    with WrittenBoard(
        board, None, mode="sentinel", addresses=[("127.0.0.1", 1), sentinel.sentinel.address], master="vss"
    ) as written:
        written.wait()
        old = sentinel.master
        new = sentinel.fail_over()
        assert new is not old
        set_operator(board, "SIP/1", "sales")
        written.wait()
        with bytes_client(new) as client:
            assert difference(client, board) == []


def test_a_master_that_sentinel_does_not_know_is_told(start_sentinel: StartSentinel) -> None:
    sentinel = start_sentinel()
    with WrittenBoard(
        recorded(), None, mode="sentinel", addresses=[sentinel.sentinel.address], master="nobody"
    ) as written:
        written.wait_for(lambda: written.writer.status().failures > 1, "told")
        assert "where the master nobody is" in str(written.writer.status().trouble)


def test_a_replica_is_told_and_written_once_it_is_a_master(start_redis: StartRedis) -> None:
    master, replica = start_redis(), start_redis()
    replica.command("REPLICAOF", "127.0.0.1", master.port)
    master.wait_for_replica()
    board = recorded()
    with WrittenBoard(board, replica) as written:
        written.wait_for(lambda: "is a replica" in str(written.writer.status().trouble), "told")
        replica.command("REPLICAOF", "NO", "ONE")
        written.wait()
        with bytes_client(replica) as client:
            assert difference(client, board) == []
        replica.command("REPLICAOF", "127.0.0.1", master.port)
        written.wait_for(lambda: "is a replica" in str(written.writer.status().trouble), "told again")


def test_a_full_redis_is_told_and_written_when_there_is_room(start_redis: StartRedis) -> None:
    server = start_redis()
    board = recorded()
    with WrittenBoard(board, server) as written:
        written.wait()
        server.command("CONFIG", "SET", "maxmemory", "1mb")
        set_operator(board, "SIP/1", "sales")
        written.wait_for(lambda: "maxmemory" in str(written.writer.status().trouble), "told")
        server.command("CONFIG", "SET", "maxmemory", "0")
        written.wait()
        with bytes_client(server) as client:
            assert difference(client, board) == []


def test_a_flushed_redis_is_written_anew_with_a_higher_epoch(start_redis: StartRedis) -> None:
    server = start_redis()
    board = recorded()
    with WrittenBoard(board, server) as written, bytes_client(server) as client:
        for epoch in (1, 2, 3):
            written.wait_for(lambda: written.writer.status().epoch == epoch, "taken")  # noqa: B023
            written.wait()
            written.wait_for(lambda: not difference(client, board), "repaired")
            client.flushall()
        set_operator(board, "SIP/1", "sales")
        written.wait_for(lambda: not difference(client, board), "repaired")
        assert written.writer.status().failures == 0


def test_a_killed_redis_is_written_anew(start_redis: StartRedis) -> None:
    server = start_redis()
    board = recorded()
    with WrittenBoard(board, server) as written:
        written.wait()
        server.kill()
        written.wait_for(lambda: written.writer.status().failures > 1, "noticed")
        assert written.writer.status().state == "connecting"
        set_operator(board, "SIP/1", "sales")
        server.start()
        written.wait()
        with bytes_client(server) as client:
            assert difference(client, board) == []


def test_a_cut_connection_is_made_again(start_redis: StartRedis) -> None:
    server = start_redis()
    board = recorded()
    with WrittenBoard(board, server) as written, bytes_client(server) as client:
        for cut in range(1, 4):
            written.wait()
            server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            set_operator(board, f"SIP/{cut}", "sales")
            written.wait_for(lambda: written.writer.status().connects > cut, "connected again")  # noqa: B023
        written.wait()
        assert difference(client, board) == []


def test_a_redis_that_sleeps_is_given_up_and_found_again(start_redis: StartRedis) -> None:
    server = start_redis()
    board = recorded()
    with WrittenBoard(board, server, answer_seconds=0.2) as written, bytes_client(server) as client:
        written.wait()
        sleeping = threading.Thread(target=server.command, args=("DEBUG", "SLEEP", "1"))
        sleeping.start()
        set_operator(board, "SIP/1", "sales")
        written.wait_for(lambda: "did not answer" in str(written.writer.status().trouble), "noticed")
        sleeping.join()
        written.wait()
        assert difference(client, board) == []


def test_a_function_library_that_is_gone_is_loaded_again(start_redis: StartRedis) -> None:
    server = start_redis()
    board = recorded()
    with WrittenBoard(board, server) as written:
        written.wait()
        server.command("FUNCTION", "FLUSH")
        set_operator(board, "SIP/1", "sales")
        written.wait_for(lambda: written.writer.status().connects > 1, "connected again")
        written.wait()
        with bytes_client(server) as client:
            assert difference(client, board) == []

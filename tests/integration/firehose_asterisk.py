"""A PBX in a process of its own that sends events at a steady rate and, as Asterisk does, cuts whoever reads slowly.

usage: firehose_asterisk.py EVENTS_PER_SECOND SECONDS WRITE_LIMIT

Prints its port; the flood begins with the line `go` on stdin; at its end prints a JSON object of what happened.
"""

import json
import socket
import struct
import sys
import threading
import time
from itertools import count

RATE, SECONDS, WRITE_LIMIT = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
BLOCK_SECONDS = 0.01
go = threading.Event()
stats = {"sent": 0, "bytes": 0, "cuts": 0, "slowest_write": 0.0, "seconds": 0.0}


def call(number: int) -> bytes:
    """The four events of one short call."""
    channel = (
        f"Privilege: call,all\r\nTimestamp: {time.time():.6f}\r\n"
        f"Channel: PJSIP/{1000 + number % 500}-{number:08x}\r\nChannelState: %d\r\nChannelStateDesc: %s\r\n"
        f"CallerIDNum: 7495{number % 10_000_000:07d}\r\nCallerIDName: <unknown>\r\nConnectedLineNum: <unknown>\r\n"
        "ConnectedLineName: <unknown>\r\nLanguage: en\r\nAccountCode: \r\nContext: internal\r\nExten: 700\r\n"
        f"Priority: 1\r\nUniqueid: 1700000000.{number}\r\nLinkedid: 1700000000.{number}\r\n"
    )
    ring, up = channel % (4, "Ring"), channel % (6, "Up")
    return (
        f"Event: Newchannel\r\n{ring}\r\n"
        f"Event: Newexten\r\n{ring}Extension: 700\r\nApplication: Answer\r\nAppData: \r\n\r\n"
        f"Event: Newstate\r\n{up}\r\nEvent: Hangup\r\n{up}Cause: 16\r\nCause-txt: Normal Clearing\r\n\r\n"
    ).encode()


def answer(session: socket.socket, lock: threading.Lock, text: str) -> None:
    with lock:
        session.sendall(text.encode())


def flood(session: socket.socket, lock: threading.Lock) -> None:
    go.wait()
    numbers = count()
    calls_per_block = int(RATE * BLOCK_SECONDS / 4)
    begun = time.monotonic()
    for block in range(int(SECONDS / BLOCK_SECONDS)):
        data = b"".join(call(next(numbers)) for _ in range(calls_per_block))
        time.sleep(max(0.0, begun + block * BLOCK_SECONDS - time.monotonic()))
        before = time.monotonic()
        try:
            with lock:
                session.sendall(data)
        except (TimeoutError, OSError):
            stats["cuts"] += 1
            session.close()
            break
        finally:
            stats["slowest_write"] = max(stats["slowest_write"], time.monotonic() - before)
        stats["sent"] += calls_per_block * 4
        stats["bytes"] += len(data)
    stats["seconds"] = time.monotonic() - begun
    say(json.dumps(stats))


def serve(session: socket.socket) -> None:
    lock = threading.Lock()
    answer(session, lock, "Asterisk Call Manager/11.0.0\r\n")
    with session, session.makefile("rb") as lines:
        action: dict[str, str] = {}
        for raw in lines:
            line = raw.decode().rstrip("\r\n")
            if line:
                key, _, value = line.partition(": ")
                action[key.lower()] = value
                continue
            name, action_id = action["action"], action["actionid"]
            head = f"Response: Success\r\nActionID: {action_id}\r\n"
            if name == "Login":
                answer(session, lock, f"{head}Message: Authentication accepted\r\n\r\n")
                if action["events"] == "on":
                    answer(session, lock, "Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\n\r\n")
                    threading.Thread(target=flood, args=(session, lock), daemon=True).start()
                    readers.append((session, lock))
            elif name == "Ping":
                answer(session, lock, f"{head}Ping: Pong\r\nTimestamp: {time.time():.6f}\r\n\r\n")
            elif name == "Setvar":
                answer(session, lock, f"{head}Message: Variable Set\r\n\r\n")
                for reader, reader_lock in readers:
                    answer(
                        reader,
                        reader_lock,
                        "Event: VarSet\r\nPrivilege: dialplan,all\r\nChannel: none\r\nUniqueid: none\r\n"
                        f"Variable: {action['variable']}\r\nValue: {action['value']}\r\n\r\n",
                    )
            elif name in {"Filter", "CoreSettings", "Logoff"}:
                answer(session, lock, f"{head}Message: Success\r\n\r\n")
            else:
                answer(
                    session,
                    lock,
                    f"{head}EventList: start\r\nMessage: follows\r\n\r\n"
                    f"Event: {name}Complete\r\nActionID: {action_id}\r\nEventList: Complete\r\nListItems: 0\r\n\r\n",
                )
            action = {}
    readers[:] = [(reader, reader_lock) for reader, reader_lock in readers if reader is not session]


def say(line: object) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def wait_for_go() -> None:
    sys.stdin.readline()
    go.set()


readers: list[tuple[socket.socket, threading.Lock]] = []
listener = socket.create_server(("127.0.0.1", 0))
say(listener.getsockname()[1])
threading.Thread(target=wait_for_go, daemon=True).start()
while True:
    accepted, _ = listener.accept()
    # A struct timeval: a write that blocks longer than this fails, a read waits as long as it likes.
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, int(WRITE_LIMIT * 1_000_000)))
    accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=serve, args=(accepted,), daemon=True).start()

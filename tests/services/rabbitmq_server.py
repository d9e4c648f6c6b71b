"""A private RabbitMQ on free loopback ports, management on, with a virtual host for each test.

A node of its own in every respect: folder, cookie, name, and the port mapper (epmd) that Erlang nodes ask for each
other, which otherwise would be one for the whole machine and stay behind.
"""

import json
import logging
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote

import httpx

from tests.services.certificates import Certificates
from tests.services.programs import EPMD, ERL_CALL, RABBITMQ, needed
from tests.services.server_process import PortTakenError, ServerProcess, free_port, wait_until

__all__ = ["RabbitMqServer"]

_log = logging.getLogger(__name__)

HOST: Final = "127.0.0.1"
USER: Final = "vss"
PASSWORD: Final = "s3cret"
_ATTEMPTS: Final = 5
_LONGEST_START: Final = 90.0  # seconds; ten of them are work for the processor
_LONGEST_STOP: Final = 60.0
_LONGEST_COMMAND: Final = 60.0
# One thread and no busy waiting: many servers and the tests share few processors.
_MODEST: Final = "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none"
_SETTINGS: Final = {
    # What the management API shows is that old at most; the default of 5 s would be waited for in many tests.
    "collect_statistics_interval": "100",
    "default_user": USER,
    "default_pass": PASSWORD,
    "disk_free_limit.absolute": "1MB",
    "log.console": "true",
    "log.console.level": "warning",
    "log.file": "false",
    "num_acceptors.tcp": "2",
}


class RabbitMqServer:
    """One RabbitMQ with the administrator `vss`, who may do everything in every virtual host.

    `settings` are further ones of `rabbitmq.conf`. `start` begins it, also again on the same ports after `kill` or
    `stop`, with its data. With `tls` it has a second port that speaks TLS only (`tls_url`); who shows a certificate
    must show one of our authority. `remove` ends it for good. With `modest` it takes few threads; a measurement lets it
    take its own.
    """

    def __init__(
        self,
        folder: Path,
        *,
        settings: Mapping[str, str] | None = None,
        tls: Certificates | None = None,
        modest: bool = True,
    ) -> None:
        self._program, self._epmd, self._erl_call = needed(RABBITMQ), needed(EPMD), needed(ERL_CALL)
        self._folder = folder
        self._settings = {**_SETTINGS, **(settings or {})}
        self._names = count(1)
        self._fixed_ports = False
        self._erlang = f"{_MODEST if modest else ''} -start_epmd false"
        self.tls = tls
        (folder / "epmd").mkdir()
        (folder / "environment").touch()
        (folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
        self._take_ports()

    def _take_ports(self) -> None:
        self.port, self.tls_port, self.management_port, self._epmd_port, self._node_port = (
            free_port() for _ in range(5)
        )
        self.process = ServerProcess(
            [self._program],
            self._folder,
            environment=self._environment(),
            longest_start=_LONGEST_START,
            longest_stop=_LONGEST_STOP,
        )
        self.port_mapper = ServerProcess(
            [self._epmd, "-port", str(self._epmd_port), "-address", HOST], self._folder / "epmd"
        )

    def _environment(self) -> dict[str, str]:
        folder = self._folder
        ours = {
            "HOME": folder,
            "ERL_EPMD_PORT": self._epmd_port,
            "RABBITMQ_CONF_ENV_FILE": folder / "environment",
            "RABBITMQ_CONFIG_FILE": folder / "rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": folder / "advanced.config",
            "RABBITMQ_ENABLED_PLUGINS_FILE": folder / "enabled_plugins",
            "RABBITMQ_MNESIA_BASE": folder / "data",
            "RABBITMQ_LOG_BASE": folder / "log",
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_PID_FILE": folder / "pid",
            "RABBITMQ_NODENAME": f"vss-{self.port}@localhost",
            "RABBITMQ_DIST_PORT": self._node_port,
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{self._erlang} -kernel inet_dist_use_interface {{127,0,0,1}}",
            # The script then becomes the server instead of waiting for it, so that the pid is the server's.
            "RUNNING_UNDER_SYSTEMD": "1",
            "RABBITMQ_SERVER_START_ARGS": "-noinput",
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_"))}
        return {**kept, **{name: str(value) for name, value in ours.items()}}

    def _configuration(self) -> str:
        settings = {
            "listeners.tcp.1": f"{HOST}:{self.port}",
            "management.tcp.ip": HOST,
            "management.tcp.port": str(self.management_port),
            **self._settings,
        }
        if self.tls is not None:
            settings |= {
                "listeners.ssl.1": f"{HOST}:{self.tls_port}",
                "ssl_options.cacertfile": str(self.tls.ca),
                "ssl_options.certfile": str(self.tls.certificate),
                "ssl_options.keyfile": str(self.tls.key),
                "ssl_options.verify": "verify_peer",
                "ssl_options.fail_if_no_peer_cert": "false",
            }
        return "".join(f"{name} = {value}\n" for name, value in settings.items())

    # -- where it is ---------------------------------------------------------------------------------------------------

    def url(self, vhost: str = "/", *, user: str = USER, password: str = PASSWORD) -> str:
        """`amqp://vss:…@127.0.0.1:PORT/VHOST`."""
        return f"amqp://{user}:{password}@{HOST}:{self.port}/{quote(vhost, safe='')}"

    def tls_url(self, vhost: str = "/") -> str:
        """`amqps://vss:…@127.0.0.1:PORT/VHOST?ca=FILE`."""
        assert self.tls is not None, "it was started without TLS"
        return f"amqps://{USER}:{PASSWORD}@{HOST}:{self.tls_port}/{quote(vhost, safe='')}?ca={self.tls.ca}"

    @property
    def management_url(self) -> str:
        """`http://127.0.0.1:PORT`; the account is the one of the URL."""
        return f"http://{HOST}:{self.management_port}"

    # -- its life ------------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        for attempt in range(_ATTEMPTS):
            (self._folder / "rabbitmq.conf").write_text(self._configuration())
            try:
                if not self.port_mapper.runs():
                    self.port_mapper.start(lambda: is_listening(self._epmd_port))
                self.process.start(self.answers)
            except PortTakenError:
                self.port_mapper.stop()
                if self._fixed_ports or attempt == _ATTEMPTS - 1:
                    raise
                self._take_ports()
            else:
                self._fixed_ports = True  # whoever knows the ports must find us there again
                return self
        raise AssertionError("unreachable")

    def stop(self) -> None:
        """End it as its operator does: connections are closed with a word, everything is kept."""
        self.process.stop()

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.kill()

    def restart(self) -> None:
        """Kill it and start it again, with its data, on the same ports."""
        self.kill()
        self.start()

    def begin_again(self) -> None:
        """End it in good order and begin it anew from what it has on disk, inside of the Erlang that goes on.

        For its clients the same as `stop` and `start`, for the processor a fifth of the work.
        """
        # At its end this handler waits five seconds for an answer of its own process; ended before, it has it at once.
        self.evaluate("gen_event:delete_handler(rabbit_event, rabbit_mgmt_db_handler, [])")
        self.evaluate("ok = rabbit:stop(), ok = rabbit:start()")
        wait_until(self.answers, "an answer of the RabbitMQ begun again", _LONGEST_START)

    def pause(self) -> None:
        """Let it hang: connections stay open and nothing answers."""
        self.process.pause()

    def resume(self) -> None:
        self.process.resume()

    def remove(self) -> None:
        self.process.kill()
        self.port_mapper.stop()

    def answers(self) -> bool:
        if not is_listening(self.port) or (self.tls is not None and not is_listening(self.tls_port)):
            return False
        try:
            self.api("GET", "overview")
        except httpx.HTTPError:
            return False
        # It answers before it has begun whole. Given a virtual host then, it may break; stopped then, it believes at
        # the next start that one is under way already (the process `rabbit_boot` stands), and stays down.
        return self.evaluate("rabbit:is_booted() andalso whereis(rabbit_boot) =:= undefined") == "true"

    # -- what is in it -------------------------------------------------------------------------------------------------

    def api(self, method: str, path: str, body: object = None) -> Any:
        """Ask the management API as the administrator; `path` is what follows `/api/`."""
        content = json.dumps(body).encode() if body is not None else None
        headers = {"content-type": "application/json"}
        url = f"{self.management_url}/api/{path}"
        with httpx.Client(auth=(USER, PASSWORD), timeout=30, trust_env=False, verify=_NO_TLS) as client:
            answer = client.request(method, url, content=content, headers=headers)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def version(self) -> tuple[int, int]:
        """Such as `(3, 10)`."""
        major, minor, *_ = self.api("GET", "overview")["rabbitmq_version"].split(".")
        return int(major), int(minor)

    def new_vhost(self, name: str | None = None) -> str:
        """An empty virtual host; gives back its URL.

        Without `name` it has one of its own, which is better: RabbitMQ ends the processes of a deleted virtual host in
        the background, and one made anew under the same name may meet what is left of them.
        """
        name = name if name is not None else f"test-{next(self._names)}"
        path = quote(name, safe="")
        wait_until(lambda: self._made(f"vhosts/{path}"), f"the virtual host {name}", _LONGEST_COMMAND)
        self.api("PUT", f"permissions/{path}/{USER}", {"configure": ".*", "write": ".*", "read": ".*"})
        return self.url(name)

    def _made(self, path: str) -> bool:
        try:
            self.api("PUT", path)
        except httpx.HTTPStatusError as refused:
            if not refused.response.is_server_error:
                raise
            _log.warning("RabbitMQ could not make %s (%s), once more", path, refused.response.text)
            self._delete(path)  # it may stand half made, and asking again would say that all is well
            return False
        return True

    def add_user(
        self,
        name: str,
        password: str = PASSWORD,
        *,
        tags: str = "",
        vhost: str | None = None,
        configure: str = ".*",
        write: str = ".*",
        read: str = ".*",
    ) -> None:
        """Make a user, with rights (regular expressions over names) in `vhost`. `tags` such as `policymaker`."""
        self.api("PUT", f"users/{name}", {"password": password, "tags": tags})
        if vhost is not None:
            rights = {"configure": configure, "write": write, "read": read}
            self.api("PUT", f"permissions/{quote(vhost, safe='')}/{name}", rights)

    def clear(self) -> None:
        """Delete all virtual hosts but `/` and all users but `vss`, which closes their connections too."""
        for path, kept in (("vhosts", "/"), ("users", USER)):
            for row in self.api("GET", f"{path}?columns=name"):
                if row["name"] != kept:
                    self._delete(f"{path}/{quote(row['name'], safe='')}")

    def _delete(self, path: str) -> None:
        try:
            self.api("DELETE", path)
        except httpx.HTTPStatusError as refused:
            if refused.response.status_code != httpx.codes.NOT_FOUND:  # a test may have deleted it
                raise

    def close_connections(self, vhost: str | None = None, *, at_least: int = 1) -> int:
        """Close all AMQP connections (to one virtual host) as an administrator does; how many.

        Waits until there are `at_least` so many to close.
        """
        # The management API shows a connection only seconds after it was made.
        wanted = f'[{{vhost, <<"{vhost}">>}}] =:= (catch rabbit_networking:connection_info(Each, [vhost]))'
        close = (
            f"All = [Each || Each <- rabbit_networking:connections(), {wanted if vhost is not None else 'true'}], "
            '[catch rabbit_networking:close_connection(Each, "closed by a test") '
            f"|| Each <- All, length(All) >= {at_least}], length(All)"
        )
        found = 0

        def enough() -> bool:
            nonlocal found
            found = int(self.evaluate(close))
            return found >= at_least

        wait_until(enough, f"{at_least} connections to close")
        return found

    def alarm(self) -> None:
        """Run out of memory, as it believes: whoever publishes from now on is blocked (`connection.blocked`)."""
        # To be asked for its alarms, it must have told the connections of this one.
        self.evaluate("vm_memory_monitor:set_vm_memory_high_watermark(0.0000001), [_ | _] = rabbit_alarm:get_alarms()")

    def calm(self) -> None:
        """End what `alarm` began."""
        self.evaluate("vm_memory_monitor:set_vm_memory_high_watermark(0.6)")

    @contextmanager
    def with_variable(self, name: str, value: int) -> Iterator[None]:
        """Give a variable of the application `rabbit` another value for a while; who asked before keeps the old one."""
        # Some variables RabbitMQ 4 asks for only once and keeps.
        change = f"application:set_env(rabbit, {name}, {{0}}), persistent_term:put({name}, {{0}})"
        self.evaluate(change.format(value))
        try:
            yield
        finally:
            self.evaluate(change.format(self._settings[name]))

    def evaluate(self, expression: str) -> str:
        """Have the server evaluate an Erlang expression; its value, as Erlang writes it.

        By `erl_call`, Erlang's own small program for it: `rabbitmqctl eval` takes seconds to start.

        Raises
        ------
        RuntimeError
            It was not evaluated; the message holds what was said.
        """
        ended = subprocess.run(
            [
                *(self._erl_call, "-sname", f"vss-{self.port}@localhost"),
                *("-r", "-c", (self._folder / ".erlang.cookie").read_text(), "-e"),
            ],
            cwd=self._folder,
            env=self._environment(),
            check=False,
            input=f"{expression}.\n",
            capture_output=True,
            text=True,
            timeout=_LONGEST_COMMAND,
        )
        if not ended.stdout.startswith("{ok,"):
            raise RuntimeError(f"{expression} was not evaluated: {ended.stdout}{ended.stderr.strip()}")
        return ended.stdout.strip().removeprefix("{ok,").removesuffix("}").strip()


_NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # never used here; the default one takes 30 ms to load


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0

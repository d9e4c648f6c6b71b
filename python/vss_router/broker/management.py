"""RabbitMQ's management API: where it is, and one question at a time with a sentence for each way to fail.

Only what the topology needs of it: whoever wants a client for all of it finds none here.
"""

import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Literal, Self
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import httpx
import msgspec

from vss_router.broker.endpoint import BrokerEndpoint
from vss_router.errors import BrokerRefusedError, BrokerUnavailableError, SettingsError
from vss_router.secret import Secret

__all__ = ["Management", "ManagementEndpoint", "RequestRefusedError", "parse_management_url"]

DEFAULT_PORT: Final = 15672
DEFAULT_TLS_PORT: Final = 15671
_LONGEST_ANSWER: Final = 10.0
"""Seconds until an answer has begun, and between two parts of it."""
_NOT_MANAGEMENT: Final = "Not management user"
_NO_LOGIN: Final = frozenset({"Login failed", "User can only log in via localhost"})
_LONGEST_REASON: Final = 300


class ManagementEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where the management API is and whom it is asked as; `url` has neither user nor password."""

    url: str
    user: str
    password: Secret
    ca: str | None = None
    """PEM file of the authority to trust; the system's ones without it."""


class RequestRefusedError(BrokerRefusedError):
    """The broker understood the question and will not; `reason` is its own word for why, `status` the HTTP one."""

    def __init__(self, message: str, *, status: int, reason: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


def parse_management_url(text: str | None, broker: BrokerEndpoint) -> ManagementEndpoint:
    """Read `--management`: `http://host:15672`, `https://user:password@host:15671?ca=FILE`.

    What it leaves out is the broker's: the user with its password, and without any text the (first) host, on the
    port that the management plugin has by default.

    Raises
    ------
    SettingsError
        The text cannot be used; the message names the part at fault, never a password.
    """
    if text is None:
        host = broker.addresses[0][0]
        host = f"[{host}]" if ":" in host else host
        text = f"https://{host}:{DEFAULT_TLS_PORT}" if broker.tls else f"http://{host}:{DEFAULT_PORT}"
        return ManagementEndpoint(url=text, user=broker.user, password=broker.password, ca=broker.ca)
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    if parts.scheme not in {"http", "https"} or not host or parts.path not in {"", "/"}:
        raise SettingsError(
            '"--management" must be the address of RabbitMQ\'s management API, such as http://127.0.0.1:15672'
        )
    tls = parts.scheme == "https"
    options = dict(parse_qsl(parts.query.replace("+", "%2B"), keep_blank_values=True))
    for name in options:
        if name != "ca" or not tls:
            raise SettingsError(f'"--management": unknown option "{name}"; known is ca (with https://)')
    port = port or (DEFAULT_TLS_PORT if tls else DEFAULT_PORT)
    host = f"[{host}]" if ":" in host else host
    return ManagementEndpoint(
        url=f"{parts.scheme}://{host}:{port}",
        user=unquote(parts.username) if parts.username else broker.user,
        password=Secret(unquote(parts.password)) if parts.password is not None else broker.password,
        ca=options.get("ca", broker.ca if tls else None),
    )


class Management:
    """Asks the management API at `endpoint`; `seconds` bound each step of a question. Close it, or use `async with`.

    Raises
    ------
    SettingsError
        The authority's file cannot be read.
    """

    def __init__(self, endpoint: ManagementEndpoint, *, seconds: float = _LONGEST_ANSWER) -> None:
        self.endpoint = endpoint
        self._seconds = seconds
        self._client = httpx.AsyncClient(
            auth=httpx.BasicAuth(endpoint.user, endpoint.password.reveal()),
            verify=_tls(endpoint),
            timeout=seconds,
            trust_env=False,  # a proxy meant for the internet is not asked for a broker
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close its connections; a second call does nothing."""
        await self._client.aclose()

    async def get(self, *path: str) -> Any:
        """What stands at `/api/…`; the words of the path are encoded here.

        Raises
        ------
        BrokerUnavailableError
            Nobody answers there, or somebody else does.
        BrokerRefusedError
            The login is refused, or the user may not use the management API.
        RequestRefusedError
            This question is refused: no such object (404), not this user (401, 403).
        """
        return await self._ask("GET", path)

    async def put(self, *path: str, body: Mapping[str, object]) -> None:
        """Declare; raises as `get`."""
        await self._ask("PUT", path, body)

    async def post(self, *path: str, body: Mapping[str, object]) -> Any:
        """Add to a collection; raises as `get`."""
        return await self._ask("POST", path, body)

    async def delete(self, *path: str) -> None:
        """Delete; raises as `get`."""
        await self._ask("DELETE", path)

    async def _ask(
        self,
        method: Literal["GET", "PUT", "POST", "DELETE"],
        path: tuple[str, ...],
        body: Mapping[str, object] | None = None,
    ) -> Any:
        address = "/".join([f"{self.endpoint.url}/api", *(quote(word, safe="") for word in path)])
        content = msgspec.json.encode(body) if body is not None else None
        try:
            answer = await self._client.request(
                method, address, content=content, headers={"content-type": "application/json"}
            )
        except httpx.HTTPError as error:
            raise self._unavailable(error) from error
        if answer.is_success:
            return self._decoded(answer) if answer.content else None
        raise self._refused(answer)

    def _unavailable(self, error: httpx.HTTPError) -> BrokerUnavailableError:
        url = self.endpoint.url
        if isinstance(error, httpx.TimeoutException):
            return BrokerUnavailableError(
                f"the management API at {url} does not answer within {self._seconds:g} s: "
                "check that RabbitMQ is well and that no firewall swallows the port"
            )
        if isinstance(error, httpx.ConnectError):
            if (reason := _certificate_fault(error)) is not None:
                return BrokerUnavailableError(
                    f"the certificate of the management API at {url} does not verify ({reason}): "
                    "give the authority to trust with ?ca=FILE"
                )
            return BrokerUnavailableError(
                f"the management API at {url} cannot be reached ({_shortened(str(error))}): check the address, and "
                "that RabbitMQ has the plugin rabbitmq_management"
            )
        return self._somebody_else(_shortened(str(error) or type(error).__name__))

    def _somebody_else(self, said: str) -> BrokerUnavailableError:
        return BrokerUnavailableError(
            f"{self.endpoint.url} does not answer as RabbitMQ's management API ({said}): its port is usually 15672, "
            "with TLS 15671"
        )

    def _decoded(self, answer: httpx.Response) -> Any:
        try:
            return msgspec.json.decode(answer.content)
        except msgspec.DecodeError:
            raise self._somebody_else("what it says is not JSON") from None

    def _refused(self, answer: httpx.Response) -> BrokerRefusedError | BrokerUnavailableError:
        endpoint = self.endpoint
        said = self._decoded(answer) if answer.content else None
        if not (isinstance(said, dict) and "error" in said):
            return self._somebody_else(f"status {answer.status_code}")
        reason = _shortened(str(said.get("reason", said["error"])))
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            if reason == _NOT_MANAGEMENT:
                return BrokerRefusedError(
                    f'the user "{endpoint.user}" may not use the management API at {endpoint.url}: '
                    f"give it a tag, as rabbitmqctl set_user_tags {endpoint.user} policymaker does"
                )
            # With a z from 3.12 on, and then for nothing but the login.
            if said["error"] == "not_authorized" or reason in _NO_LOGIN:
                return BrokerRefusedError(
                    f'the management API at {endpoint.url} refuses the login of "{endpoint.user}": '
                    "check name and password, and that the user may log in from here"
                )
        return RequestRefusedError(
            f"the management API at {endpoint.url} refuses what was asked ({answer.status_code}: {reason})",
            status=answer.status_code,
            reason=reason,
        )


def _tls(endpoint: ManagementEndpoint) -> ssl.SSLContext:
    if not endpoint.url.startswith("https:"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # not used; the default one takes 30 ms to load
    try:
        return ssl.create_default_context(cafile=endpoint.ca)
    except OSError as error:
        raise SettingsError(
            f'"--management": the authority\'s file {endpoint.ca} cannot be used: {error.strerror or error}'
        ) from error


def _certificate_fault(error: BaseException | None) -> str | None:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        error = error.__cause__ or error.__context__
    return None


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_REASON else text[:_LONGEST_REASON] + "…"

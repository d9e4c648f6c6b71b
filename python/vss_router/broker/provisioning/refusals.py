"""What a broker would not make, and what is left out for that reason: one sentence per cause."""

from typing import Final

import httpx

from vss_router.broker.management import RequestRefusedError
from vss_router.broker.provisioning.differences import Difference
from vss_router.broker.provisioning.policies import PREFIX
from vss_router.broker.topology import Binding
from vss_router.errors import TopologyError

__all__ = ["Refusals"]

_NO_RIGHT: Final = frozenset({httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN})


class Refusals:
    """Collected on the way from the exchanges over the queues to the bindings; `user` is who asks in `vhost`."""

    def __init__(self, user: str, vhost: str) -> None:
        self._user = user
        self._vhost = vhost
        self._errors: dict[tuple[str, str], tuple[Difference, RequestRefusedError]] = {}
        self._bindings: dict[tuple[str, str], int] = {}
        self._left_out: set[str] = set()

    def add(self, what: Difference, error: RequestRefusedError) -> None:
        """It was refused."""
        self._errors[what.part, what.name] = what, error

    def leave_out(self, what: Difference, binding: Binding) -> bool:
        """Whether an end of this binding was refused: then it cannot be, and is told of with that end."""
        for end in (("exchange", binding.exchange), ("queue", binding.queue)):
            if end in self._errors:
                self._bindings[end] = self._bindings.get(end, 0) + 1
                self._left_out.add(what.sentence)
                return True
        return False

    @property
    def left_out(self) -> frozenset[str]:
        """The sentences of the differences that need none of their own."""
        return frozenset(self._left_out)

    def sentences(self) -> dict[str, str]:
        """Why not, by the sentence of the difference."""
        return {what.sentence: str(self._told(what, error)) for what, error in self._errors.values()}

    def _told(self, what: Difference, error: RequestRefusedError) -> TopologyError:
        thing = what.name if what.part != "policy" else PREFIX + what.name
        bindings = self._bindings.get((what.part, what.name), 0)
        nor = f", nor its {bindings} bindings" if bindings > 1 else ", nor its binding" if bindings else ""
        if error.status in _NO_RIGHT:
            return TopologyError(
                f'{what.part} {thing} cannot be made by "{self._user}" in "{self._vhost}" ({error.reason}){nor}: '
                "see the rights in docs/topology.md"
            )
        return TopologyError(
            f'{what.part} {thing} cannot be made by "{self._user}" in "{self._vhost}" ({error.reason}){nor}: '
            "mend that, then apply again"
        )

"""Live call-centre status, typed events and messages from Asterisk."""

import importlib
from typing import TYPE_CHECKING, Any, Final

from vss_router._core import AmiAction, AmiDecoder, AmiMessage, Batch, Gap, Response, StatusBoard, __version__

if TYPE_CHECKING:
    from vss_router.router import Router
    from vss_router.settings import Settings

__all__ = [
    "AmiAction",
    "AmiDecoder",
    "AmiMessage",
    "Batch",
    "Gap",
    "Response",
    "Router",
    "Settings",
    "StatusBoard",
    "__version__",
]

_LATE: Final = {"Router": "router", "Settings": "settings"}


def __getattr__(name: str) -> Any:
    """The router is loaded when it is asked for: the core alone needs neither web framework nor event loop."""
    if name in _LATE:
        return getattr(importlib.import_module(f"vss_router.{_LATE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

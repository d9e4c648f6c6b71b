"""Live call-centre status, typed events and messages from Asterisk."""

from typing import TYPE_CHECKING, Any

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


def __getattr__(name: str) -> Any:
    """The router is loaded when it is asked for: the core alone needs neither web framework nor event loop."""
    if name == "Router":
        from vss_router.router import Router

        return Router
    if name == "Settings":
        from vss_router.settings import Settings

        return Settings
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

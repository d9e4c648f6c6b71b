"""Live call-centre status and typed events from Asterisk."""

from vss_router._core import AmiAction, AmiDecoder, AmiMessage, Batch, Gap, Response, StatusBoard, __version__

__all__ = ["AmiAction", "AmiDecoder", "AmiMessage", "Batch", "Gap", "Response", "StatusBoard", "__version__"]

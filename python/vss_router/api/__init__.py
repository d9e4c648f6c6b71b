"""The REST interface: a Litestar application over the status readers, and the server that runs it in our loop."""

from vss_router.api.app import STATUS_PREFIX, build_app
from vss_router.api.server import HttpServer, check_bind

__all__ = ["STATUS_PREFIX", "HttpServer", "build_app", "check_bind"]

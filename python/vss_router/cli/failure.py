"""What a command that fails leaves behind: one sentence on stderr and an exit code, a traceback only with --debug."""

import sys
import traceback
from typing import Final

from typer.exceptions import Abort, TyperException

from vss_router.errors import CaptureError, SettingsError, VssError

__all__ = ["FAILED", "UNUSABLE_INPUT", "report"]

FAILED: Final = 1
"""It could not be done: refused, not reachable, port in use, …"""
UNUSABLE_INPUT: Final = 2
"""It was not tried: a wrong option or setting, a recording that cannot be read."""


def report(error: BaseException, *, debug: bool = False) -> int:
    """Print the sentence for `error`; the exit code that goes with it."""
    from vss_router.log import mask

    if debug:
        traceback.print_exception(error, file=sys.stderr)
    elif isinstance(error, Abort):
        print("vss-router: given up.", file=sys.stderr)
    elif isinstance(error, TyperException):
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "vss-router"
        sentence = error.format_message().rstrip(". ")
        print(f"{command}: {sentence} (see {command} --help).", file=sys.stderr)
    elif isinstance(error, VssError):
        # Sentences are made without secrets; the mask is for what a library's own words may carry into one.
        print(f"vss-router: {mask(' '.join(str(error).split()))}", file=sys.stderr)
    else:
        sentence = mask(" ".join(f"{type(error).__name__}: {error}".split()))
        print(
            f"vss-router: an internal error, please report it with the output of --debug: {sentence}", file=sys.stderr
        )
    usage = isinstance(error, TyperException) and not isinstance(error, Abort)
    return UNUSABLE_INPUT if usage or isinstance(error, SettingsError | CaptureError) else FAILED

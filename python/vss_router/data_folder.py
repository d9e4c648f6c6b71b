"""The router's folder on disk, used by one process at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from vss_router.errors import ServeError

__all__ = ["LOCK_NAME", "locked_folder"]

LOCK_NAME: Final = "router.lock"


@contextmanager
def locked_folder(folder: Path) -> Iterator[Path]:
    """Make `folder` if need be and hold it for this process.

    The lock is the kernel's: it ends with the process, however that ends, so a file left behind locks nothing. The
    process id in it is for the sentence that a second process gives.

    Raises
    ------
    ServeError
        Another process holds the folder, or it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ServeError(
            f"the data folder {folder} cannot be used ({error.strerror}): choose another with --data-dir"
        ) from error
    try:
        try:
            # flock belongs to the open file, not to the process: a second router in this very process is refused too.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise ServeError(
                f"the data folder {folder} is in use by the router with process id {holder}: "
                f"stop that one, or choose another folder with --data-dir"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield folder
    finally:
        os.close(descriptor)

"""The bytes of a recording, read piece by piece so that a long one needs no more memory than a short one."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, cast

from vss_router.errors import CaptureError

__all__ = ["recorded_chunks"]

CHUNK_BYTES: Final = 1 << 18
_GZIP_MAGIC: Final = b"\x1f\x8b"


def recorded_chunks(path: Path) -> Iterator[bytes]:
    """The bytes of the file at `path`, decompressed when it is gzip, in pieces of at most 256 KiB.

    Raises
    ------
    CaptureError
        There is no such file, it cannot be read, or its gzip data are damaged or end too early.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
            file.seek(0)
            # GzipFile is not declared as an IO[bytes], though it reads as one.
            stream = cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if packed else file
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk
    except FileNotFoundError:
        raise CaptureError(f"There is no recording {path}: check the path.") from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise CaptureError(f"The recording {path} is damaged or cut short (gzip): copy or record it again.") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise CaptureError(f"The recording {path} cannot be read ({reason}): check the file.") from None

"""Where `--dump` puts the board's snapshots: one file per list, named after its ActionID."""

import re
from pathlib import Path
from typing import Final

from vss_router.errors import StatusError

__all__ = ["SnapshotFolder"]

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._@+=,-]|^\.")


class SnapshotFolder:
    """A folder of `<ActionID>.json`, made when it is not there. An ActionID used again gets `.2`, `.3`, … added.

    Raises
    ------
    StatusError
        The folder cannot be made or written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: dict[str, int] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._refused(error) from None

    def write(self, action_id: str, snapshot: bytes) -> None:
        """Keep the snapshot taken just before the list of that ActionID.

        Raises
        ------
        StatusError
            The file cannot be written.
        """
        # An ActionID comes out of the recording: it must not choose another folder.
        name = _UNSAFE.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), action_id)
        times = self._written[name] = self._written.get(name, 0) + 1
        suffix = "" if times == 1 else f".{times}"
        try:
            (self._folder / f"{name}{suffix}.json").write_bytes(snapshot)
        except OSError as error:
            raise self._refused(error) from None

    def _refused(self, error: OSError) -> StatusError:
        reason = error.strerror or str(error)
        return StatusError(f"Snapshots cannot be written to {self._folder} ({reason}): choose another --dump folder.")

"""One process per data folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vss_router.data_folder import LOCK_NAME, locked_folder
from vss_router.errors import ServeError


def test_a_second_holder_is_refused_with_the_process_id_and_the_folder(tmp_path: Path) -> None:
    with locked_folder(tmp_path), pytest.raises(ServeError) as raised, locked_folder(tmp_path):
        pytest.fail("the folder was given twice")
    assert f"process id {os.getpid()}" in str(raised.value)
    assert str(tmp_path) in str(raised.value)


def test_another_process_is_refused_while_this_one_holds_the_folder(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib\n"
        "from vss_router.data_folder import locked_folder\n"
        "from vss_router.errors import ServeError\n"
        "try:\n"
        "    with locked_folder(pathlib.Path(sys.argv[1])): print('taken')\n"
        "except ServeError as error: print(error)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with locked_folder(tmp_path):
        refused = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    freed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    assert f"process id {os.getpid()}" in refused.stdout
    assert freed.stdout == "taken\n"


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with (
        pytest.raises(ServeError, match=r"file/state cannot be used .*--data-dir"),
        locked_folder(tmp_path / "file" / "state"),
    ):
        pytest.fail("a folder inside a file")


def test_a_lock_file_left_behind_locks_nothing(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).write_text("4194304\n", encoding="utf-8")
    with locked_folder(tmp_path) as folder:
        assert (folder / LOCK_NAME).read_text(encoding="utf-8") == f"{os.getpid()}\n"


def test_a_folder_is_made_and_free_again_after_use(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    with locked_folder(deep):
        assert deep.is_dir()
    with locked_folder(deep):
        pass

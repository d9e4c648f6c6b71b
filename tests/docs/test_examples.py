"""Every example of README and docs runs (how to write one: tests/docs/pages.py)."""

from pathlib import Path

import pytest

from tests.docs.pages import ROOT, RUN, SHOWN, blocks_of, commands_of, pages, prints
from tests.docs.workbench import Workbench


def page_names() -> list[str]:
    return [str(page.relative_to(ROOT)) for page in pages()]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", page_names())
def test_every_example_of_the_page_does_what_the_page_says(
    page: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with Workbench(tmp_path, rabbitmq=lambda: request.getfixturevalue("rabbitmq")) as bench:
        for block in blocks_of(ROOT / page):
            try:
                bench.run(block)
            except AssertionError as failure:
                raise AssertionError(f"{block.place}: {failure}") from failure
        for running in bench.background:
            assert running.stop() == 0, running.output()


@pytest.mark.parametrize("page", page_names())
def test_every_block_names_its_language(page: str) -> None:
    unnamed = [block.place for block in blocks_of(ROOT / page) if block.language not in RUN | SHOWN]
    assert unnamed == []


def test_the_output_of_an_example_may_leave_out_what_differs_each_time() -> None:
    assert prints("rows ... drift 0\n...\ndone", "rows 512 drift 0\nfurther\nlines\ndone\n")


def test_an_example_that_prints_something_else_is_found() -> None:
    assert not prints("drift 0", "drift 1")
    assert not prints("... drift 0", "rows 512 drift 0 and more")


def test_a_command_may_go_on_in_the_next_line() -> None:
    [command] = commands_of("$ vss-router serve \\\n    --ami main=a:b@c &\nlistening\n")
    assert command.line == "vss-router serve --ami main=a:b@c &"
    assert command.in_background
    assert command.expected == "listening\n"


def test_a_block_that_does_not_end_is_named(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("text\n\n```console\n$ true\n")
    with pytest.raises(ValueError, match=r"page\.md:3 opens a block that does not end"):
        blocks_of(page)

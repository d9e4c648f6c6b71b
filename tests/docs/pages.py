"""Reads the examples out of the Markdown pages.

A fenced block names its language. These run:

- ```` ```console ````: a line that begins with `$ ` is a command, the lines after it are what it must print; `...` in
  them stands for any text (also over several lines), and no lines for any output. A command that ends in
  ` &` goes on in the background until the page ends; the next command waits for its lines. A `make` command must name
  a target that exists.
- ```` ```python ````: a script of its own.
- ```` ```toml ```` and ```` ```json ````: must be well-formed.

A comment in the line before a block says more: `<!-- example: file NAME -->` writes the block to a file for the
commands after it, `<!-- example: exit N -->` is the exit code the block's last command ends with, and
`<!-- example: output -->` before a ```` ```text ```` block is what the Python block before it must print.

All blocks of a page run in order in one folder of their own, which holds the recordings of tests/data. Ports are freed:
each `127.0.0.1:PORT` of a page becomes a free port, `pbx.example.org:PORT` a fake Asterisk that plays a recording,
`redis.example.org:PORT` a private, empty Redis, `rabbitmq.example.org:5672` and `:15672` the worker's RabbitMQ with
the user `vss` (a page that names one is skipped where there is none).
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
RUN: Final = {"console", "python", "toml", "json"}
SHOWN: Final = {"javascript", "text", "ini", "yaml", "nginx", "rust", "mermaid"}
_FENCE: Final = re.compile(r"^(?P<indent> *)```(?P<language>[\w+-]*) *$")
_DIRECTIVE: Final = re.compile(r"^ *<!-- example: (?P<word>file|exit|output)(?: (?P<value>\S+))? -->$")


@dataclass(frozen=True)
class Block:
    """One fenced block; `line` is that of its fence, counted from 1."""

    page: Path
    line: int
    language: str
    text: str
    directives: dict[str, str]

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True)
class Command:
    """One command of a console block and the output it must print."""

    line: str
    expected: str

    @property
    def in_background(self) -> bool:
        return self.line.endswith(" &")


def pages() -> list[Path]:
    """The pages whose examples run; those of README.ru.md are README.md's (test_translation.py)."""
    return sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])


def blocks_of(page: Path) -> list[Block]:
    """The fenced blocks of a page in order.

    Raises
    ------
    ValueError
        A block does not end.
    """
    blocks: list[Block] = []
    directives: dict[str, str] = {}
    lines = iter(enumerate(page.read_text().splitlines(), 1))
    for number, line in lines:
        if said := _DIRECTIVE.match(line):
            directives[said["word"]] = said["value"] or ""
        elif fence := _FENCE.match(line):
            inside = []
            for _, text in lines:
                if text.strip() == "```":
                    break
                inside.append(text.removeprefix(fence["indent"]))
            else:
                raise ValueError(f"{page.name}:{number} opens a block that does not end")
            blocks.append(Block(page, number, fence["language"], "\n".join(inside) + "\n", directives))
            directives = {}
        else:
            directives = {}
    return blocks


def commands_of(text: str) -> list[Command]:
    """The commands of a console block; a line that ends in a backslash goes on in the next."""
    commands: list[Command] = []
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("$ "):
            command = line[2:]
            while command.endswith("\\"):
                command = command[:-1] + next(lines).strip()
            commands.append(Command(command, ""))
        elif commands:
            last = commands.pop()
            commands.append(Command(last.line, f"{last.expected}{line}\n"))
    return commands


def prints(expected: str, output: str) -> bool:
    """Whether the output is the expected one, `...` and `…` standing for any text."""
    pieces = [re.escape(piece.strip()) for piece in re.split(r"\.\.\.|…", expected.strip())]
    told = "\n".join(line.rstrip() for line in output.strip().splitlines())
    return re.fullmatch(r"\s*.*?\s*".join(pieces), told, re.DOTALL) is not None

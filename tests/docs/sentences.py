"""Reads the sentences of all errors out of the sources, Python and Rust.

A sentence's changing parts become `…`: `cannot read {path}` in the sources, `cannot read <path>` in the page.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from tests.docs.pages import ROOT

_ERRORS_PAGE: Final = ROOT / "python" / "vss_router" / "errors.py"
ERRORS: Final = {node.name for node in ast.parse(_ERRORS_PAGE.read_text()).body if isinstance(node, ast.ClassDef)}
ANY: Final = "…"
# thiserror's attribute, or an error made where it happens.
_RUST: Final = re.compile(r'(?:#\[error\(|Err(?:or)?::\w+\(\s*(?:format!\()?)\s*"((?:[^"\\]|\\.)*)"', re.DOTALL)
_RUST_GAP: Final = re.compile(r"\\\n\s*")  # a string that goes on in the next line


@dataclass(frozen=True)
class Sentence:
    """One error's words and where they stand; `text` is empty when they are not written where they are raised."""

    text: str
    place: str


def plain(text: str) -> str:
    """The text with every changing part as `…` and single spaces."""
    text = re.sub(r"<[^<>]*>", ANY, text)
    return re.sub(r"…(\s*…)*", ANY, re.sub(r"\s+", " ", text)).strip()


def template(node: ast.expr) -> list[str]:
    """The texts an expression can be, as far as it says; none when it says nothing."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=values):
            return ["".join(part.value if isinstance(part, ast.Constant) else ANY for part in values)]  # type: ignore[misc]
        case ast.IfExp(body=body, orelse=orelse):
            return [*template(body), *template(orelse)]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return [a + b for a in template(left) or [ANY] for b in template(right) or [ANY]]
    return []


def returned(function: ast.AST) -> list[str]:
    return [
        text
        for node in ast.walk(function)
        if isinstance(node, ast.Return) and node.value
        for text in template(node.value)
    ]


def assigned(function: ast.AST, name: str) -> list[str]:
    texts = []
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == name for target in node.targets
        ):
            texts += template(node.value)
    return texts


def handed_over(tree: ast.AST, scope: ast.AST, name: str) -> list[str]:
    """What the callers of a function give it for one of its parameters."""
    if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
        return []
    parameters = [parameter.arg for parameter in scope.args.args if parameter.arg not in {"self", "cls"}]
    if name not in parameters:
        return []
    place = parameters.index(name)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and called(node.func) == scope.name]
    return [text for call in calls if len(call.args) > place for text in template(call.args[place])]


def called(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def sentences_in(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """The sentence of every error made in a module, with its line."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    by_name = {function.name: function for function in functions}
    own = ERRORS | {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and {called(base) for base in node.bases} & ERRORS
    }
    scopes: dict[int, ast.AST] = {}
    for function in functions:  # the inner ones come later and win
        scopes |= {id(node): function for node in ast.walk(function)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or called(node.func) not in own:
            continue
        # Some carry a name beside the sentence: what has a space in it is the sentence.
        texts = [text for argument in node.args for text in template(argument) if " " in text]
        for argument in [] if texts else node.args:
            match argument:
                case ast.Name(id=name):
                    scope = scopes.get(id(node), tree)
                    texts += assigned(scope, name) + handed_over(tree, scope, name)
                case ast.Call(func=func) if called(func) in by_name:
                    texts += returned(by_name[called(func)])
        for text in texts or [""]:
            yield plain(text), node.lineno


@cache  # several tests read the same sources
def python_sentences() -> list[Sentence]:
    return [
        Sentence(text, f"{path.relative_to(ROOT)}:{line}")
        for path in sorted((ROOT / "python").rglob("*.py"))
        for text, line in sentences_in(ast.parse(path.read_text()))
    ]


@cache
def rust_sentences() -> list[Sentence]:
    found = []
    for path in sorted((ROOT / "core_rs").glob("vss-*/src/**/*.rs")):
        source = path.read_text()
        for match in _RUST.finditer(source):
            text = _RUST_GAP.sub("", match[1]).replace('\\"', '"')
            text = re.sub(r"(?<!\{)\{[^{}]*\}", ANY, text).replace("{{", "{").replace("}}", "}")
            line = source.count("\n", 0, match.start()) + 1
            found.append(Sentence(plain(text), f"{path.relative_to(ROOT)}:{line}"))
    return found


def all_sentences() -> list[Sentence]:
    """Every sentence that says something: those that only pass on another one's are left out."""
    return [said for said in python_sentences() + rust_sentences() if said.text != ANY]


def headings(page: Path) -> dict[str, str]:
    """The entries of the page: heading (changing parts as `…`) to the text below it."""
    # `\<name>`: without the backslash a browser takes it for a tag and shows nothing.
    text = page.read_text().replace("\\<", "<")
    parts = re.split(r"^#{3,4} (.+)$", text, flags=re.MULTILINE)[1:]
    return {
        plain(heading): re.split(r"^#{1,2} ", body, maxsplit=1, flags=re.MULTILINE)[0]
        for heading, body in zip(parts[::2], parts[1::2], strict=True)
    }


def covers(heading: str, sentence: str) -> bool:
    """Whether the entry is the sentence's: the same words, or its first ones when the heading ends in `…`."""
    return heading == sentence or (heading.endswith(ANY) and sentence.startswith(heading.removesuffix(ANY).rstrip()))


if __name__ == "__main__":
    entries = headings(ROOT / "docs" / "troubleshooting.md")
    for said in all_sentences():
        if not any(covers(heading, said.text) for heading in entries):
            print(f"{said.place}: {said.text}")  # noqa: T201 - what is still missing in the page

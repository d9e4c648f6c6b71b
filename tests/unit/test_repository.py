"""Rules of the repository that no linter holds: names, sizes, import directions, nothing of one machine."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "python" / "vss_router"
LONGEST_FILE = 400
SAYS_NOTHING = re.compile(r"^(utils?|helpers?|managers?|common|misc)$")

# Each layer may import the ones after it, and siblings of one line not each other.
LAYERS: list[set[str]] = [
    {"__main__"},
    {"cli"},
    {"router"},
    {"messaging_metrics", "messaging_surface", "stores"},
    {"messaging", "publishing", "recording", "store_metrics"},
    {"api"},
    {"database"},
    {"broker"},
    {"events"},
    {"ami", "status"},
    {"_core"},
    {"settings"},
    {"errors"},
]

# Written in pieces, so that this file does not hold what it looks for.
MACHINE_PATH = re.compile(
    r"(?<![\w.:/\-])/(?:" + "|".join(["wor" + "k", "roo" + "t", "tm" + "p", "hom" + r"e/\w+"]) + r")/\w"
)
INDEX_HOSTS = [
    "pypi" + ".org",
    "files.python" + "hosted.org",
    "registry.npm" + "js.org",
    "static.crates" + ".io",
    "deb.debian" + ".org",
]
CARGO_INDEX_NAME = (
    'source = "registry+https://github.com/rust-lang/crates.io-index"'  # Cargo's own name for "the default one"
)
EXTRA_INDEX = re.compile(
    r"^\s*(--index-url|--extra-index-url|--find-links|index-url|\[\[tool\.uv\.index\]\])", re.MULTILINE
)


def kept_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def kept_texts() -> Iterator[tuple[Path, str]]:
    for path in kept_files():
        content = path.read_bytes()
        if b"\0" not in content and path.suffix != ".gz":
            yield path.relative_to(ROOT), content.decode()


def test_no_file_has_a_name_that_says_nothing() -> None:
    vague = [
        path.relative_to(ROOT)
        for path in kept_files()
        if SAYS_NOTHING.match(path.stem) or SAYS_NOTHING.match(path.parent.name)
    ]
    assert vague == []


def test_no_source_file_is_longer_than_400_lines() -> None:
    lengths = {path: text.count("\n") for path, text in kept_texts() if path.suffix in {".py", ".pyi", ".rs"}}
    assert {str(path): lines for path, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_no_file_names_a_path_of_one_machine() -> None:
    found = [f"{path}: {match.group()}…" for path, text in kept_texts() for match in MACHINE_PATH.finditer(text)]
    assert found == []


def test_no_file_names_the_host_of_a_package_index() -> None:
    found = [
        f"{path}: {host}"
        for path, text in kept_texts()
        for host in [*INDEX_HOSTS, "crates" + ".io-index"]
        if host in text.replace(CARGO_INDEX_NAME, "") and path != Path(__file__).relative_to(ROOT)
    ]
    assert found == []


@pytest.mark.parametrize("lock", ["runtime.lock", "dev.lock"])
def test_every_locked_package_has_a_hash_and_no_index_is_named(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text()
    entries = re.split(r"\n(?=[a-zA-Z0-9])", text)
    packages = [entry for entry in entries if re.match(r"[\w.\-\[\]]+==", entry)]
    assert len(packages) > 20
    assert [entry.split("==")[0] for entry in packages if "--hash=sha256:" not in entry] == []
    assert EXTRA_INDEX.search(text) is None


def test_the_locks_hold_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {
        "runtime.lock": project["project"]["dependencies"],
        "dev.lock": [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]],
    }
    for lock, requirements in wanted.items():
        locked = set(re.findall(r"^([\w.\-]+)==", (ROOT / "requirements" / lock).read_text(), re.MULTILINE))
        names = {re.split(r"[<>=!\[; ]", requirement)[0] for requirement in requirements}
        assert names - locked == set(), f"{lock} is older than pyproject.toml: make lock"


def part_of(module: str) -> str:
    """The layer's word of a dotted module below vss_router; empty for the package itself."""
    return module.split(".")[1] if "." in module else ""


def imported_parts(path: Path) -> set[str]:
    package = ["vss_router", *path.relative_to(PACKAGE).parts[:-1]]
    parts = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, [base, node.module]))
            modules = [f"{module}.{alias.name}" for alias in node.names] if module == "vss_router" else [module]
        else:
            continue
        parts |= {part_of(module) for module in modules if module.split(".")[0] == "vss_router"}
    return parts


def test_every_module_of_the_package_imports_only_what_lies_below_it() -> None:
    known = set().union(*LAYERS)
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if own == "__init__":
            continue
        level = next((number for number, layer in enumerate(LAYERS) if own in layer), None)
        above_or_beside = set().union(*LAYERS[: level + 1]) - {own} if level is not None else {"cli", "router"}
        wrong += [
            f"{path.relative_to(ROOT)} imports {part}"
            for part in sorted(imported_parts(path) & above_or_beside & known)
        ]
    assert wrong == []


def test_the_core_crate_depends_on_neither_interpreter_nor_runtime() -> None:
    core = tomllib.loads((ROOT / "core_rs" / "vss-core" / "Cargo.toml").read_text())
    assert {"pyo3", "tokio", "mio", "async-std"} & (
        core["dependencies"].keys() | core.get("build-dependencies", {}).keys()
    ) == set()


def test_only_the_binding_speaks_of_the_interpreter() -> None:
    speaking = {
        path.relative_to(ROOT).parts[1]
        for path in (ROOT / "core_rs").rglob("*.rs")
        if re.search(r"\bpyo3::", path.read_text())
    }
    assert speaking <= {"vss-py", "target"}


def test_every_crate_but_the_binding_forbids_unsafe_code() -> None:
    for library in (ROOT / "core_rs").glob("*/src/lib.rs"):
        if library.parts[-3] != "vss-py":
            assert "#![forbid(unsafe_code)]" in library.read_text(), library

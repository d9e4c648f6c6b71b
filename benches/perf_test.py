"""RabbitMQ's own load generator, PerfTest: fetched once with Maven into the user's cache, run as a process."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

__all__ = ["PerfTest", "fetched"]

VERSION: Final = "2.22.1"
LONGEST_FETCH: Final = 300.0
SLACK: Final = 60.0  # seconds a run may take beyond its own time: Java starts, and waits for its last confirms
POM: Final = f"""<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>vss.benches</groupId><artifactId>perf-test</artifactId><version>{VERSION}</version>
  <dependencies><dependency>
    <groupId>com.rabbitmq</groupId><artifactId>perf-test</artifactId><version>{VERSION}</version>
  </dependency></dependencies>
</project>
"""
CONFIRMED: Final = re.compile(r"confirmed: (\d+) msg/s")


class PerfTest:
    """PerfTest on this machine; `bodies` are written to `folder`, it takes them in turn."""

    def __init__(self, jars: Path, folder: Path, bodies: list[bytes]) -> None:
        self._jars = jars
        self._folder = folder
        self._names = [f"{place}.json" for place in range(len(bodies))]
        for name, body in zip(self._names, bodies, strict=True):
            (folder / name).write_bytes(body)

    def rate(self, url: str, queue: str, outstanding: int, *, warm_seconds: int, seconds: int) -> float:
        """Messages confirmed a second by one producer, to an exchange, key and queue of one name.

        Raises
        ------
        RuntimeError
            It did not run to its end.
        """
        command = ["java", "-cp", f"{self._jars}/*", "com.rabbitmq.perf.PerfTest", "--uri", url, "--interval", "1"]
        command += ["--producers", "1", "--consumers", "0", "--predeclared", "--type", "direct", "--exchange", queue]
        command += ["--queue", queue, "--routing-key", queue, "--flag", "persistent", "--confirm", str(outstanding)]
        # A second more: what the last one brought is not always told.
        whole = warm_seconds + seconds + 1
        command += ["--time", str(whole), "--body", ",".join(self._names)]
        command += ["--message-properties", "contentType=application/json,type=call.update"]
        ended = subprocess.run(
            command,
            cwd=self._folder,
            check=False,
            capture_output=True,
            text=True,
            timeout=whole + SLACK,
        )
        rates = [int(rate) for rate in CONFIRMED.findall(ended.stdout)][warm_seconds : warm_seconds + seconds]
        if ended.returncode or len(rates) < seconds:
            raise RuntimeError(f"PerfTest ended too soon: {(ended.stdout + ended.stderr)[-2_000:]}")
        return sum(rates) / seconds


def fetched() -> Path | None:
    """Where PerfTest's jars are, fetched when they are not there; None when it is not to be had, and it is said why."""
    missing = next((program for program in ("java", "mvn") if shutil.which(program) is None), None)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vss-router-benches"
    jars = cache / f"perf-test-{VERSION}"
    if missing != "java" and jars.is_dir():
        return jars
    if missing is not None:
        print(f"  without PerfTest: {missing} is missing (Debian: default-jre-headless, maven)", file=sys.stderr)
        return None
    cache.mkdir(parents=True, exist_ok=True)
    (cache / "pom.xml").write_text(POM)
    # Whole or not at all: the folder gets its name at the end.
    begun = cache / f"fetching-{os.getpid()}"
    command = ["mvn", "--quiet", "--batch-mode", "--file", str(cache / "pom.xml")]
    command += [f"-Dmaven.repo.local={cache / 'maven'}", f"-DoutputDirectory={begun}", "dependency:copy-dependencies"]
    try:
        ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=LONGEST_FETCH)
        said = (ended.stdout.strip().splitlines() or ["it said nothing"])[0]
    except subprocess.TimeoutExpired:
        said = f"it took longer than {LONGEST_FETCH:.0f} s"
    if not (begun / f"perf-test-{VERSION}.jar").exists():
        shutil.rmtree(begun, ignore_errors=True)
        print(f"  without PerfTest: mvn does not bring com.rabbitmq:perf-test:{VERSION}: {said}", file=sys.stderr)
        return None
    begun.rename(jars)
    return jars

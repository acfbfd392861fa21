"""Runs `mailroom` as people do: a process of its own, in a data directory of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

T = TypeVar("T")

ROOT: Final = Path(__file__).resolve().parents[2]
COMMAND: Final = (sys.executable, "-P", "-m", "mailroom.cli")


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    """What a process needs and nothing of ours: SQLite in `data_dir`, any free port."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "src"),
        "MAILROOM_DATA_DIR": str(data_dir),
        "MAILROOM_BIND": "127.0.0.1:0",
        **more,
    }


def mailroom(
    *arguments: str, data_dir: Path, text: str = "", **more: str
) -> subprocess.CompletedProcess[str]:
    """One command, run to its end, with `text` on its standard input."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(data_dir, **more),
        cwd=data_dir.parent,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


class Running:
    """A process under way; what it prints is collected as it comes, so that it never blocks on us."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.pid = process.pid
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def close(self) -> None:
        """No more lines: the process and its children are gone."""
        self._reader.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def line(self, start: str, *, seconds: float = 120.0) -> str:
        """The first line that begins so, once it is printed."""
        found = eventually(lambda: self._first(start) or self._ended(), seconds=seconds)
        assert isinstance(found, str), "\n".join(["never printed: " + start, *self.lines[-60:]])
        return found

    def _first(self, start: str) -> str | None:
        return next((each for each in self.lines if each.startswith(start)), None)

    def _ended(self) -> bool:
        return self.process.poll() is not None and not self._reader.is_alive()


@contextmanager
def started(command: Sequence[str], *, env: dict[str, str], cwd: Path) -> Iterator[Running]:
    """A process group of its own that is gone afterwards, whatever the test did."""
    process = subprocess.Popen(
        command,
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    running = Running(process)
    try:
        yield running
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        running.close()


def children_of(pid: int, *, word: str) -> list[int]:
    """The pids of the children of `pid` that have `word` among their arguments."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "stat").read_text()
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        # After the name in brackets: state, then the parent's pid.
        if int(status.rpartition(")")[2].split()[1]) == pid and word.encode() in words:
            found.append(int(folder.name))
    return found


def eventually(look: Callable[[], T], *, seconds: float = 60.0) -> T:
    """What `look` answers once that is true; a failure if it never is."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = look()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s")

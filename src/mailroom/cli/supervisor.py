"""Keeps the parts of `serve` running: one process each, started again when it dies, all stopped together.

It holds no state worth keeping: whatever is killed here or there goes on from what stands in the database.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Final

import structlog

log = structlog.get_logger(__name__)

GLANCE_SECONDS: Final = 0.1
FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 30.0
# A part that lived this long is healthy: its next death is a first one.
HEALTHY_SECONDS: Final = 60.0
# Of the five seconds promised; the web drains within three.
GRACE_SECONDS: Final = 4.2


@dataclass(frozen=True, slots=True)
class Part:
    """A command of `mailroom` to keep running, with descriptors it inherits and variables of its own."""

    name: str
    arguments: tuple[str, ...]
    descriptors: tuple[int, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Child:
    """A part and the process it is at the moment, if any."""

    part: Part
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    due_at: float = 0.0
    pause_seconds: float = FIRST_PAUSE_SECONDS


def supervise(parts: Sequence[Part], stop: Event) -> None:
    """Run the parts until `stop`; returns when all of them are gone, 5 seconds later at most."""
    # Nobody writes to the lifeline: each part holds its reading end, and sees its end if we are killed.
    lifeline_read, lifeline_write = os.pipe()
    children = [Child(part) for part in parts]
    try:
        while not stop.is_set():
            for child in children:
                _tend(child, lifeline_read, now=time.monotonic())
            stop.wait(GLANCE_SECONDS)
    finally:
        _end(children)
        os.close(lifeline_read)
        os.close(lifeline_write)


def _tend(child: Child, lifeline: int, *, now: float) -> None:
    """Start what is due, and note what died."""
    if child.process is None:
        if now >= child.due_at:
            child.process, child.started_at = _start(child.part, lifeline), now
        return
    code = child.process.poll()
    if code is None:
        return
    if now - child.started_at >= HEALTHY_SECONDS:
        child.pause_seconds = FIRST_PAUSE_SECONDS
    log.error(
        f"{child.part.name} ended; starting it again",
        action="part_ended",
        part=child.part.name,
        code=code,
        pause_seconds=child.pause_seconds,
    )
    child.process, child.due_at = None, now + child.pause_seconds
    child.pause_seconds = min(child.pause_seconds * 2, LONGEST_PAUSE_SECONDS)


def _start(part: Part, lifeline: int) -> subprocess.Popen[bytes]:
    """The same process group on purpose: whoever stops the group stops every part."""
    source = str(Path(__file__).resolve().parents[2])
    inherited = os.environ.get("PYTHONPATH")
    search = source if not inherited else f"{source}{os.pathsep}{inherited}"
    process = subprocess.Popen(  # noqa: S603 (our own program, our own words)
        [sys.executable, "-P", "-m", "mailroom.cli", *part.arguments, "--lifeline", str(lifeline)],
        stdin=subprocess.DEVNULL,
        pass_fds=(*part.descriptors, lifeline),
        env={**os.environ, "PYTHONPATH": search, **part.environment},
    )
    log.info(f"{part.name} started", action="part_started", part=part.name, pid=process.pid)
    return process


def _end(children: Sequence[Child]) -> None:
    running = [child.process for child in children if child.process is not None]
    for process in running:
        _signal(process, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    for process in running:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("a part did not end in time and was killed", action="part_killed", pid=process.pid)
            _signal(process, signal.SIGKILL)
            process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if process.poll() is None:
        process.send_signal(number)

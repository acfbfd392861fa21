"""A process that reads letters and nothing else: bytes come in by a pipe, what they say goes out by another.

It knows neither tables nor sockets, and ends when whoever started it is gone, killed or not.
"""

from __future__ import annotations

import pickle
import signal
import struct
import sys
from collections.abc import Sequence
from typing import IO, Any

from mailroom.core.indexing import prepared
from mailroom.core.letter import Letter, read_letter

_LENGTH = struct.Struct("!Q")


def write_to(pipe: IO[bytes], value: Any) -> None:
    """One value, by its length."""
    data = pickle.dumps(value, protocol=5)
    pipe.write(_LENGTH.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def read_from(pipe: IO[bytes]) -> Any:
    """The next value. Raises EOFError when the other side is gone."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    length = _LENGTH.unpack(head)[0]
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError
    return pickle.loads(data)  # noqa: S301 - only our own other half writes into this pipe


def read_letters(raws: Sequence[bytes]) -> list[Letter]:
    """What a batch of letters says, ready to be stored."""
    return [prepared(read_letter(raw, brief=True)) for raw in raws]


def main() -> None:
    """Answer batches until the pipe ends."""
    # Ctrl-C reaches the whole group: who started this process decides when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            write_to(sys.stdout.buffer, read_letters(read_from(sys.stdin.buffer)))
        except (EOFError, BrokenPipeError):
            return


if __name__ == "__main__":
    main()

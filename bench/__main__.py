"""``./run bench NAME``: each benchmark is a module with ``main(arguments)``."""

from __future__ import annotations

import importlib
import sys

NAMES = {
    "pages": "inbox page, contact history, counts, search and opening a letter at 100,000 letters",
    "first_sync": "first sync of a generated mailbox beside mbsync and notmuch",
    "first_page": "from connect to the first usable inbox page of 20,000 letters",
}


def main() -> None:
    name, *arguments = sys.argv[1:] or [""]
    if name not in NAMES:
        print("usage: ./run bench NAME [...]\n")
        for known, what in NAMES.items():
            print(f"  {known:12} {what}")
        sys.exit(0 if name in ("", "--help") else 2)
    importlib.import_module(f"bench.{name}").main(arguments)


main()

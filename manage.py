"""The same program as `mailroom`; a word that is none of its commands goes to Django."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from mailroom.cli import COMMANDS, main

if __name__ == "__main__":
    words = sys.argv[1:]
    ours = not words or words[0].startswith("-") or words[0] in COMMANDS
    main(words if ours else ["manage", *words])

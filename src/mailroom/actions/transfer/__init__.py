"""Letters in files, in and out (mbox, Maildir, .eml): what comes in goes out again, byte for byte."""

from .exporting import Format, Selection, Written, write_out
from .importing import Refusal, Summary, take_in
from .sources import Source, find

__all__ = [
    "Format",
    "Refusal",
    "Selection",
    "Source",
    "Summary",
    "Written",
    "find",
    "take_in",
    "write_out",
]

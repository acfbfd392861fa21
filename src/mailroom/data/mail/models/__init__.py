"""The tables of mail, one subject a file."""

from .accounts import Access, Account
from .folders import Folder, ServerFolder
from .intents import Intent, Parked
from .letters import Attachment, LetterText, Message, Participant, Placement
from .news import News
from .pop import PopUidl
from .threads import Thread, ThreadKey, ThreadRow

__all__ = [
    "Access",
    "Account",
    "Attachment",
    "Folder",
    "Intent",
    "LetterText",
    "Message",
    "News",
    "Parked",
    "Participant",
    "Placement",
    "PopUidl",
    "ServerFolder",
    "Thread",
    "ThreadKey",
    "ThreadRow",
]

"""IMAP4rev1 as spoken in the wild: a grammar without I/O, a connection around it, a session on top."""

from mailroom.wire.imap.session import ImapSession

__all__ = ["ImapSession"]

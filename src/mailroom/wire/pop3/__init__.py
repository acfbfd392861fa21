"""POP3 (RFC 1939) as spoken in the wild: a grammar without I/O, a connection around it, a session on top."""

from mailroom.wire.pop3.session import Listed, Pop3Session

__all__ = ["Listed", "Pop3Session"]

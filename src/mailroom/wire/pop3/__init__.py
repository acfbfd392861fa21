"""POP3 (RFC 1939) as spoken in the wild: a grammar without I/O, a connection around it, a session on top."""

from mailroom.wire.pop3.session import Answer, Pop3Session

__all__ = ["Answer", "Pop3Session"]

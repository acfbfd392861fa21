"""Mailroom: the mail room of a company, as software."""

__version__ = "0.1.0"

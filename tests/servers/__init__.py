"""Real servers for the tests: free loopback ports, temporary folders, stopped by their own process id."""

from tests.servers.certs import Certificates
from tests.servers.dovecot import PASSWORD, Dovecot
from tests.servers.smtp_sink import Letter, SmtpSink

__all__ = ["PASSWORD", "Certificates", "Dovecot", "Letter", "SmtpSink"]

"""A real Dovecot of one's own: any user, one password, Maildir, TLS and STARTTLS, poorer variants too."""

from __future__ import annotations

import grp
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from mailroom.wire.dial import Encryption, Endpoint, Trust
from tests.servers.certs import Certificates

PASSWORD = "letmein"

MISSING = (
    "Dovecot is not installed: run the tests by `./run test`, which installs it "
    "(Debian: apt install dovecot-imapd dovecot-pop3d)."
)

_COMMON = "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID IDLE LITERAL+ UIDPLUS CHILDREN NAMESPACE UNSELECT"
_RICH = f"{_COMMON} ENABLE ESEARCH LIST-EXTENDED LIST-STATUS SPECIAL-USE MOVE WITHIN SORT THREAD=REFS"
CAPABILITIES: dict[str, str | None] = {
    "full": None,
    "no_qresync": f"{_RICH} CONDSTORE",
    "no_condstore": _RICH,
    "no_move": f"{_COMMON} ENABLE ESEARCH SPECIAL-USE CONDSTORE",
    "plain": _COMMON.replace(" UIDPLUS", "").replace(" LITERAL+", ""),
}
"""What the server announces; it can still do everything. What a client believes is what is tested."""

_MAIL_UID = 20143
"""Dovecot refuses to serve mail as root; the number needs no entry in /etc/passwd."""

FOLDERS = {name: f"\\{name}" for name in ("Sent", "Drafts", "Trash", "Junk", "Archive")}


class Dovecot:
    """Started by ``with`` or ``start``. Users exist as soon as they are named, with ``PASSWORD``."""

    host = "localhost"

    def __init__(self, capability: str = "full", *, certificates: Certificates | None = None) -> None:
        self.capability = capability
        # Not pytest's own folder: that is closed to the user under which Dovecot reads mail.
        self.folder = Path(tempfile.mkdtemp(prefix="mailroom-dovecot-"))
        self.folder.chmod(0o755)
        self.certificates = certificates or Certificates(self.folder)
        self.imap_port, self.imaps_port, self.pop3_port = free_ports(3)
        self._names = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None

    # --- for clients

    def endpoint(self, encryption: Encryption | str = Encryption.TLS) -> Endpoint:
        port = self.imaps_port if encryption == Encryption.TLS else self.imap_port
        return Endpoint(self.host, port, encryption)

    @property
    def trust(self) -> Trust:
        return Trust(ca_file=str(self.certificates.ca_file), allow_hosts=("127.0.0.0/8", "::1"))

    @property
    def ca_file(self) -> Path:
        return self.certificates.ca_file

    # --- for tests that put mail in or look at it without IMAP

    def maildir(self, user: str, folder: str = "INBOX") -> Path:
        root = self.folder / "mail" / user / "Maildir"
        return root if folder == "INBOX" else root / f".{folder.replace('/', '.')}"

    def deliver(
        self, user: str, raw: bytes, folder: str = "INBOX", *, flags: str = "", at: datetime | None = None
    ) -> Path:
        """Put a letter into the Maildir; ``flags`` are Maildir's letters (S seen, F flagged, R answered)."""
        box = self.maildir(user, folder)
        self._make_maildir(user, box)
        name = f"{time.time():.6f}.M{next(self._names)}P{os.getpid()}.test"
        path = box / ("cur" if flags else "new") / (f"{name}:2,{flags}" if flags else name)
        parked = box / "tmp" / name
        parked.write_bytes(raw)
        self._give_away(parked)
        if at is not None:
            os.utime(parked, (at.timestamp(), at.timestamp()))
        return parked.rename(path)

    def letters(self, user: str, folder: str = "INBOX") -> list[bytes]:
        """The bytes of all letters in a folder, in no particular order."""
        box = self.maildir(user, folder)
        return [path.read_bytes() for part in ("new", "cur") for path in sorted((box / part).glob("*"))]

    def _make_maildir(self, user: str, box: Path) -> None:
        home = self.folder / "mail" / user
        for part in ("cur", "new", "tmp"):
            (box / part).mkdir(parents=True, exist_ok=True)
        for path in (home, home / "Maildir", box, *(box / part for part in ("cur", "new", "tmp"))):
            self._give_away(path)

    def _give_away(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, _MAIL_UID, _MAIL_UID)

    # --- life

    def start(self) -> None:
        """Start (or start again, on the same ports and mail) and wait until it listens."""
        binary = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        if binary is None:
            raise RuntimeError(MISSING)
        (self.folder / "mail").mkdir(exist_ok=True)
        self._give_away(self.folder / "mail")
        config = self.folder / "dovecot.conf"
        config.write_text(self._config())
        self._process = subprocess.Popen([binary, "-F", "-c", str(config)], stderr=subprocess.PIPE)
        self._wait_until_up(self._process)

    def _wait_until_up(self, process: subprocess.Popen[bytes]) -> None:
        ends_at = time.monotonic() + 20
        while time.monotonic() < ends_at:
            if process.poll() is not None:
                assert process.stderr is not None
                raise RuntimeError(f"Dovecot ended: {process.stderr.read().decode()}\n{self.log()}")
            try:
                with socket.create_connection(("127.0.0.1", self.imap_port), timeout=1) as probe:
                    if probe.recv(4) == b"* OK":
                        return
            except OSError:
                time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"Dovecot did not come up: {self.log()}")

    def stop(self) -> None:
        """Stop this Dovecot and its children; the mail stays until ``remove``."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
        if process.stderr is not None:
            process.stderr.close()

    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text(errors="replace")[-4000:] if path.exists() else ""

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.remove()

    # --- configuration

    def _config(self) -> str:
        announced = CAPABILITIES[self.capability]
        folders = "\n".join(
            f"  mailbox {name} {{\n    special_use = {use}\n    auto = subscribe\n  }}"
            for name, use in FOLDERS.items()
        )
        return f"""
base_dir = {self.folder}/run
state_dir = {self.folder}/state
log_path = {self.folder}/log
instance_name = mailroom-{self.imap_port}
protocols = imap pop3
listen = 127.0.0.1
ssl = yes
ssl_cert = <{self.certificates.server.cert}
ssl_key = <{self.certificates.server.key}
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
mail_location = maildir:~/Maildir
mail_max_userip_connections = 5000
mailbox_idle_check_interval = 1 secs
default_process_limit = 1000
default_client_limit = 4000
default_vsz_limit = 2G
{_users()}
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={_mail_uid()} gid={_mail_gid()} home={self.folder}/mail/%u
}}
namespace inbox {{
  inbox = yes
  separator = /
{folders}
}}
protocol imap {{
  mail_max_userip_connections = 5000
  {f"imap_capability = {announced}" if announced else ""}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  chroot =
  service_count = 0
  client_limit = 2000
  inet_listener imap {{
    port = {self.imap_port}
  }}
  inet_listener imaps {{
    port = {self.imaps_port}
    ssl = yes
  }}
}}
service pop3-login {{
  chroot =
  service_count = 0
  inet_listener pop3 {{
    port = {self.pop3_port}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service imap {{
  process_limit = 1000
}}
service stats {{
  chroot =
}}
"""


def _users() -> str:
    if os.geteuid() == 0:
        return "first_valid_uid = 100\nfirst_valid_gid = 100"
    name = pwd.getpwuid(os.geteuid()).pw_name
    group = grp.getgrgid(os.getegid()).gr_name
    return "\n".join(
        (
            f"default_login_user = {name}",
            f"default_internal_user = {name}",
            f"default_internal_group = {group}",
            "first_valid_uid = 1",
            "first_valid_gid = 1",
        )
    )


def _mail_uid() -> int:
    return os.geteuid() or _MAIL_UID


def _mail_gid() -> int:
    return os.getegid() if os.geteuid() else _MAIL_UID


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago; all held at once so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in sockets]
    finally:
        for sock in sockets:
            sock.close()

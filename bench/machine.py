"""What a benchmark starts around the product: a Dovecot with a mailbox, the product's own processes."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.servers.dovecot import PASSWORD, Dovecot

ROOT = Path(__file__).resolve().parents[1]

_CONNECT = """
import json, sys
from mailroom.cli.start import start_django
start_django()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from mailroom.actions import accounts, people
root = people.create_user(
    email="root@firm.example", name="Root", role="administrator", password="long enough"
)
server = {"host": "localhost", "port": int(sys.argv[1]), "encryption": "none"}
login, password = sys.argv[2:4]
values = {"address": login + "@crm.example", "name": "Box", "login": login, "password": password}
values |= {"incoming": server, "outgoing": server, "start_date": None}
account = accounts.connect(by=root, values=values)
print(json.dumps({"account": account.pk, "token": people.issue_token(root)}))
"""


def give_mailbox(dovecot: Dovecot, user: str, maildir: Path, *, most: int | None = None) -> int:
    """Copy a Maildir (its first ``most`` letters) into a user's INBOX; returns the number of letters."""
    found = sorted((maildir / "cur").iterdir())[:most]
    for source in found:
        flags = source.name.partition(":2,")[2] or "S"
        at = datetime.fromtimestamp(source.stat().st_mtime, UTC)
        dovecot.deliver(user, source.read_bytes(), flags=flags, at=at)
    return len(found)


class Product:
    """The product on a throw-away data directory, with one account on the Dovecot."""

    def __init__(self, dovecot: Dovecot, user: str, *, database: str = "") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mailroom-bench-"))
        self.environment = {
            **os.environ,
            "MAILROOM_DATA_DIR": str(self.folder),
            "MAILROOM_ALLOW_HOSTS": "*",
            "MAILROOM_LOG_LEVEL": "warning",
            "PYTHONPATH": str(ROOT / "src"),
        } | ({"DATABASE_URL": database} if database else {})
        self.environment.pop("DJANGO_SETTINGS_MODULE", None)
        made = self.python("-c", _CONNECT, str(dovecot.imap_port), user, PASSWORD)
        facts = json.loads(made.splitlines()[-1])
        self.account, self.token = int(facts["account"]), str(facts["token"])

    def python(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(done.stderr[-3000:] + done.stdout[-1000:])
        return done.stdout

    def sync(self) -> tuple[float, dict[str, Any]]:
        """One ``mailroom sync`` as a whole process: seconds, and what it printed."""
        began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        printed = self.python("-m", "mailroom.cli", "sync", str(self.account), "--json")
        spent, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"   mailroom sync: {spent:.2f} s, {cpu:.2f} s of processor time")
        return spent, json.loads(printed.splitlines()[-1])

    def size(self) -> int:
        """Bytes on the disk."""
        return sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

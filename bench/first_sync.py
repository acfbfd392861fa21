"""First sync beside mbsync and notmuch, in one run: ``first_sync MAILDIR [runs] [--no-notmuch]``."""

from __future__ import annotations

import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from tests.servers.dovecot import PASSWORD, Dovecot

from bench.machine import Product, give_mailbox

_MBSYNC = """FSync no

IMAPAccount a
Host 127.0.0.1
Port {port}
User {user}
Pass {password}
SSLType None
AuthMechs LOGIN

IMAPStore r
Account a

MaildirStore l
Path {folder}/
Inbox {folder}/INBOX

Channel c
Far :r:
Near :l:
Patterns INBOX
Create Near
Sync All
SyncState *
"""
_NOTMUCH = """[database]
path={folder}
[user]
name=x
primary_email=x@crm.example
[new]
tags=new
ignore=.mbsyncstate;.mbsyncstate.lock;.uidvalidity
[search]
[maildir]
synchronize_flags=true
"""


def main(arguments: list[str]) -> None:
    numbers = [one for one in arguments[1:] if one.isdigit()]
    runs = int(numbers[0]) if numbers else 3
    with Dovecot("full") as dovecot:
        letters = give_mailbox(dovecot, "bench", Path(arguments[0]))
        corpus = sum(file.stat().st_size for file in (Path(arguments[0]) / "cur").iterdir())
        ours, pulled, indexed, noop = [], [], [], []
        for run in range(runs):
            seconds, again, size = _ours(dovecot, letters)
            ours.append(seconds)
            noop.append(again)
            pull, index = _peers(dovecot, notmuch="--no-notmuch" not in arguments and run == 0)
            pulled.append(pull)
            indexed += [index] if index else []
            print(f"{run + 1}: ours {seconds:.2f}, again {again:.2f}; mbsync {pull:.2f}, notmuch {index:.2f}")
    mine, theirs = statistics.median(ours), statistics.median(pulled)
    print(f"{letters} letters, {corpus / 1e6:.0f} MB; ours on the disk {size / corpus:.2f} of the corpus")
    print(
        f"ours   {mine:7.2f} s {letters / mine:7.0f} letters/s; a second pass {statistics.median(noop):.2f} s"
    )
    print(f"mbsync {theirs:7.2f} s  {theirs / mine:.2f} x ours")
    if indexed:
        both = theirs + statistics.median(indexed)
        print(f"mbsync + notmuch {both:7.2f} s  {both / mine:.2f} x ours")


def _ours(dovecot: Dovecot, letters: int) -> tuple[float, float, int]:
    product = Product(dovecot, "bench")
    try:
        seconds, report = product.sync()
        assert report["stored"] == letters, report
        again, _ = product.sync()
        return seconds, again, product.size()
    finally:
        product.remove()


def _peers(dovecot: Dovecot, *, notmuch: bool) -> tuple[float, float]:
    folder = Path(tempfile.mkdtemp(prefix="mailroom-peers-"))
    try:
        rules = folder / "mbsyncrc"
        box = folder / "mail"
        box.mkdir()
        rules.write_text(_MBSYNC.format(port=dovecot.imap_port, user="bench", password=PASSWORD, folder=box))
        pull = _timed(["mbsync", "-q", "-c", str(rules), "c"])
        if not notmuch:
            return pull, 0.0
        config = folder / "notmuchrc"
        config.write_text(_NOTMUCH.format(folder=box))
        return pull, _timed(["notmuch", f"--config={config}", "new", "--quiet"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _timed(command: list[str]) -> float:
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    spent, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"   {command[0]}: {spent:.2f} s, {cpu:.2f} s of processor time")
    return spent

"""The engine as it runs: workers, the watch on inboxes, a clean end; and killed at any moment."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone

from mailroom.actions import leases
from mailroom.actions.syncing import ledger
from mailroom.data.mail.models import Account, Message, News, Placement
from mailroom.engine import loop
from tests.engine.mailbox import Mailbox, make_mailbox
from tests.servers.certs import Certificates
from tests.servers.dovecot import Dovecot

pytestmark = [pytest.mark.dovecot, pytest.mark.django_db(transaction=True)]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def office(
    dovecot: Dovecot, certificates: Certificates, mailbox_user: str, settings: Any, transactional_db: None
) -> Mailbox:
    """A mailbox whose rows other threads and processes see."""
    settings.MAILROOM_CA_FILE = certificates.ca_file
    return make_mailbox(dovecot, mailbox_user)


@pytest.fixture
def engine(office: Mailbox) -> Iterator[threading.Event]:
    """The engine, running in this process until the test ends."""
    stop = threading.Event()
    thread = threading.Thread(target=loop.run, args=(stop,), kwargs={"workers": 2})
    thread.start()
    yield stop
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


def wait_for(true: Callable[[], bool], seconds: float = 15.0) -> float:
    """Wait until it is true; returns how long it took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, "it did not become true in time"
        time.sleep(0.02)
    return time.monotonic() - began


def live(office: Mailbox) -> bool:
    return Account.objects.filter(pk=office.account.pk, state=Account.State.LIVE, lease_owner="").exists()


def test_a_new_account_is_brought_in_step_by_itself(office: Mailbox, engine: threading.Event) -> None:
    office.deliver(3)

    wait_for(lambda: live(office) and office.count() == 3)

    account = Account.objects.get(pk=office.account.pk)
    assert account.last_in_step_at is not None
    assert account.next_at is not None
    assert account.next_at > timezone.now()


def test_a_letter_is_here_within_three_seconds(office: Mailbox, engine: threading.Event) -> None:
    """S2-10: IDLE wakes, a worker passes, open pages are told."""
    wait_for(lambda: live(office))
    wait_for(lambda: Account.objects.filter(pk=office.account.pk, wanted_at=None).exists())
    time.sleep(2.0)

    office.deliver(1)

    took = wait_for(lambda: News.objects.filter(kind=News.Kind.ARRIVED).exists())
    print(f"IDLE to page: {took:.2f} s")
    assert took < 3.0
    assert office.count() == 1


def test_what_was_seen_elsewhere_is_seen_here_within_seconds(
    office: Mailbox, engine: threading.Event
) -> None:
    office.deliver(1)
    wait_for(lambda: live(office) and office.count() == 1)
    time.sleep(2.0)
    with office.elsewhere() as client:
        client.select(b"INBOX")
        client.store_flags([1], add=["\\Seen"])

        wait_for(lambda: Placement.objects.filter(seen=True).exists(), seconds=5.0)


def test_the_engine_stops_within_three_seconds_in_the_middle_of_a_first_sync(office: Mailbox) -> None:
    office.deliver(1500)
    stop = threading.Event()
    thread = threading.Thread(target=loop.run, args=(stop,), kwargs={"workers": 1})
    thread.start()
    wait_for(lambda: office.count() >= 50)

    began = time.monotonic()
    stop.set()
    thread.join(10)

    assert time.monotonic() - began < loop.STOP_WITHIN + 0.5
    wait_for(lambda: not Account.objects.filter(pk=office.account.pk).exclude(lease_owner="").exists())
    office.sync()
    assert office.count() == 1500


def test_a_wrong_password_stops_the_account_and_says_why(office: Mailbox, engine: threading.Event) -> None:
    """S2-20: a refused credential is not tried again by itself."""
    Account.objects.filter(pk=office.account.pk).update(login="")
    office.account.secret.replace("wrong")
    leases.want([office.account.pk], timezone.now())

    needs = Account.objects.filter(pk=office.account.pk, state=Account.State.NEEDS_PERSON, lease_owner="")
    wait_for(needs.exists)

    account = Account.objects.get(pk=office.account.pk)
    assert account.error_kind == "wrong_password"
    assert account.error_words
    assert account.next_at is None


def test_a_name_that_does_not_exist_is_told_and_looked_at_again_later(
    office: Mailbox, engine: threading.Event
) -> None:
    Account.objects.filter(pk=office.account.pk).update(incoming_host="nowhere.invalid")
    leases.want([office.account.pk], timezone.now())

    kinds = Account.objects.filter(pk=office.account.pk, lease_owner="", error_kind="name_not_found")
    wait_for(kinds.exists)

    assert Account.objects.get(pk=office.account.pk).next_at is not None


# ------------------------------------------------------------------ other processes


def environment(office: Mailbox) -> dict[str, str]:
    """What a process needs to work on the rows of this test."""
    found = connection.settings_dict
    url = os.environ.get("DATABASE_URL", "")
    if connection.vendor == "sqlite":
        url = f"sqlite:///{found['NAME']}"
    elif url:
        url = url.rsplit("/", 1)[0] + "/" + str(found["NAME"])
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "DJANGO_SETTINGS_MODULE": "mailroom.config.settings",
        "MAILROOM_DATA_DIR": str(django_settings.MAILROOM_DATA_DIR),
        "MAILROOM_CA_FILE": str(office.server.ca_file),
        "MAILROOM_ALLOW_HOSTS": "127.0.0.1,::1,localhost",
        "DATABASE_URL": url,
    }


def sync_process(office: Mailbox, *arguments: str) -> subprocess.Popen[str]:
    """`mailroom sync` of this account, as a person would start it."""
    return subprocess.Popen(
        [sys.executable, "-m", "mailroom.cli", "sync", str(office.account.pk), *arguments],
        env=environment(office),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_sync_by_command_reports_and_exits_well(office: Mailbox) -> None:
    office.deliver(4)

    process = sync_process(office, "--json")
    out, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    report = json.loads(out)
    assert report.keys() == {"id", "state", "stored", "range_total", "parked", "seconds"}
    assert (report["id"], report["state"], report["stored"]) == (office.account.pk, "live", 4)
    assert (report["range_total"], report["parked"]) == (4, 0)


def test_sync_by_command_fails_where_the_account_is_not_in_step(office: Mailbox) -> None:
    office.account.secret.replace("wrong")

    process = sync_process(office)
    out, _ = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "not in step" in out


def test_sync_by_command_waits_for_the_pass_under_way(office: Mailbox) -> None:
    office.deliver(2)
    lease = leases.claim(office.account.pk, "the engine", timezone.now())
    assert lease is not None
    process = sync_process(office, "--json")
    time.sleep(2.5)
    assert process.poll() is None
    assert office.count() == 0

    leases.release(lease, next_at=timezone.now())
    process.communicate(timeout=60)

    assert process.returncode == 0
    assert office.count() == 2


def test_killed_at_any_moment_a_first_sync_loses_and_doubles_nothing(office: Mailbox) -> None:
    """S2-09: kill -9 at random moments, then resumed to the same end."""
    office.deliver(700)
    office.deliver(60, folder="Sent")
    seed = random.Random(20261121)
    counts = []
    for _ in range(6):
        process = sync_process(office)
        target = office.count() + seed.choice((1, 50, 51, 150, 260))
        ends_at = time.monotonic() + 20
        while process.poll() is None and office.count() < target and time.monotonic() < ends_at:
            time.sleep(0.005)
        time.sleep(seed.random() * 0.3)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        counts.append(office.count())
        loop.recover()

    process = sync_process(office, "--json")
    out, err = process.communicate(timeout=120)

    assert process.returncode == 0, err
    assert json.loads(out)["stored"] == 760
    assert counts[0] < 760, "the kills came too late to prove anything"
    assert Message.objects.filter(account=office.account).count() == 760
    assert Placement.objects.filter(account=office.account).count() == 760
    assert len(office.ids()) == 700
    found = ledger(office.account)
    assert found["on_server"] == found["stored"] == 760
    assert sum(found.values()) == 2 * 760

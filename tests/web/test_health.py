"""Health and metrics: open to supervisors and monitors, silent about letters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

import mailroom
from mailroom.data.mail.models import Account
from mailroom.web.health import engine_lag
from tests.world import make_world


@pytest.mark.django_db
def test_healthz_answers_without_a_session(client: Client) -> None:
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.json()["version"] == mailroom.__version__
    assert answer.json()["engine_lag_seconds"] == 0
    assert not answer.cookies


@pytest.mark.django_db
def test_an_account_that_nobody_takes_up_shows_as_lag() -> None:
    at = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    make_world()
    Account.objects.update(next_at=at, wanted_at=None)
    assert engine_lag(at + timedelta(seconds=90)) == 90
    Account.objects.update(wanted_at=at - timedelta(seconds=30))
    assert engine_lag(at) == 30
    Account.objects.update(lease_until=at + timedelta(minutes=5))
    assert engine_lag(at + timedelta(seconds=90)) == 0


def test_metrics_are_prometheus_text(client: Client) -> None:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert b"process_resident_memory_bytes" in answer.content


@pytest.mark.parametrize("path", ["/healthz", "/metrics"])
def test_they_only_tell(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405

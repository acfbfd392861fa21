"""Health and metrics: open to supervisors and monitors, silent about letters."""

from __future__ import annotations

import pytest
from django.test import Client

import mailroom


@pytest.mark.django_db
def test_healthz_answers_without_a_session(client: Client) -> None:
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.json()["version"] == mailroom.__version__
    assert not answer.cookies


def test_metrics_are_prometheus_text(client: Client) -> None:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert b"process_resident_memory_bytes" in answer.content


@pytest.mark.parametrize("path", ["/healthz", "/metrics"])
def test_they_only_tell(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405

"""No secret reaches a log line."""

from __future__ import annotations

from mailroom.config.logs import mask_secrets


def test_fields_that_look_like_secrets_are_masked_at_any_depth() -> None:
    event = {
        "event": "account saved",
        "password": "hunter2",
        "form": {"login": "ann", "smtp_password": "hunter2", "token": ""},
        "Authorization": "Bearer x",
    }
    masked = mask_secrets(None, "info", event)
    assert "hunter2" not in repr(masked)
    assert masked == {
        "event": "account saved",
        "password": "...",
        "form": {"login": "ann", "smtp_password": "...", "token": ""},
        "Authorization": "...",
    }

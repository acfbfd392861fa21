"""How log lines look: a sentence for people, `action=` for machines, and never a secret."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any, Final

import structlog

# A field is masked by its name: whoever logs a dictionary of a form must not have to think of this.
MASKED: Final = ("password", "passwd", "secret", "token", "authorization", "cookie", "credential", "api_key")


def mask_secrets(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: the values of secret-looking fields become three dots, at any depth."""
    for name in event:
        event[name] = _masked(name, event[name])
    return event


def logging_config(*, style: str, level: str) -> dict[str, Any]:
    """A `logging.config` dictionary for our lines and those of libraries; `style` is `json` or `text`."""
    render: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if style == "json"
        # The renderer's own choice prints local variables, and with them whatever is secret.
        else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    )
    tail: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if style == "json":
        tail.append(structlog.processors.format_exc_info)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _shared(),
                "processors": [*tail, render],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Django's own handlers would mail errors to administrators.
            "django": {"handlers": [], "level": level, "propagate": True},
            # Mailroom's own access line carries no query string; uvicorn's would print search words.
            "uvicorn.access": {"level": "WARNING"},
            "uvicorn.error": {"level": "WARNING"},
            # Every 404 as a warning drowns what matters; 500s come from django.request as errors.
            "django.request": {"level": "ERROR"},
            "django.server": {"level": "WARNING"},
        },
    }


def configure_structlog() -> None:
    """Send structlog's lines through the standard library, so that there is one stream and one format."""
    structlog.configure(
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _shared() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask_secrets,
    ]


def _masked(name: object, value: Any) -> Any:
    if isinstance(name, str) and value and any(word in name.lower() for word in MASKED):
        return "..."
    if isinstance(value, Mapping):
        return {key: _masked(key, inner) for key, inner in value.items()}
    return value

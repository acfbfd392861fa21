"""Static files without a second server and without a build step, stamped by their content."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile


class StampedStorage(StaticFilesStorage):
    """Adds `?v=` and a digest to each address, so that a new version is asked for at once."""

    def url(self, name: str | None) -> str:
        """The address of a static file by its name."""
        plain = super().url(name)
        stamp = _stamp(name) if name else ""
        return f"{plain}?v={stamp}" if stamp else plain


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]  # whitenoise is untyped
    """Whitenoise, answering with whole bytes: its file streams make Django under ASGI warn at each one."""

    @staticmethod
    def serve(static_file: StaticFile, request: HttpRequest) -> HttpResponse:
        """The answer to a request for a static file (304 and ranges included)."""
        found = static_file.get_response(request.method, request.META)
        body = b""
        if found.file is not None:
            with found.file:
                body = found.file.read()
        response = HttpResponse(body, status=int(found.status))
        response.headers.pop("content-type", None)
        for name, value in found.headers:
            response[name] = value
        return response


@cache
def _stamp(name: str) -> str:
    path = finders.find(name)
    if not isinstance(path, str):
        return ""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]

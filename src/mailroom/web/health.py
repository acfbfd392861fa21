"""Is it alive: for supervisors and monitors, without a session and without a letter in it."""

from __future__ import annotations

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

import mailroom


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 once requests are served and the database answers; any failure of that is a 500."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok", "version": mailroom.__version__})


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The counters of this process in Prometheus' text form."""
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)

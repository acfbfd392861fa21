"""Is it alive: for supervisors and monitors, without a session and without a letter in it."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Min, Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

import mailroom
from mailroom.actions.leases import due
from mailroom.data.mail.models import Account


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 once requests are served and the database answers; any failure of that is a 500.

    `engine_lag_seconds`: how long the mailbox that waits longest has been due; it grows when no engine runs.
    """
    lag = engine_lag(timezone.now())
    return JsonResponse({"status": "ok", "version": mailroom.__version__, "engine_lag_seconds": lag})


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The counters of this process in Prometheus' text form."""
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def engine_lag(at: datetime) -> float:
    """Seconds since the first of the accounts became due that nobody has taken up; 0 when none is."""
    since = Account.objects.filter(pk__in=due(at)).aggregate(
        asked=Min("wanted_at"), planned=Min("next_at", filter=Q(next_at__lte=at))
    )
    first = min((moment for moment in since.values() if moment is not None), default=at)
    return round(max(0.0, (at - first).total_seconds()), 1)

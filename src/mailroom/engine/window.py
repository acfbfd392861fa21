"""Which letters the start date lets in: SEARCH by whole days, the days around the edge by INTERNALDATE."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from .job import Job

_EDGE = timedelta(days=2)
"""Servers count days by a clock of their own: fourteen hours ahead of UTC to twelve behind it."""


def in_window(job: Job, uids: Collection[int]) -> frozenset[int] | None:
    """Those of ``uids`` (of the folder selected) received on the start date or later; None = all of them."""
    start, start_at = job.start_date, job.start_at
    if start is None or start_at is None:
        return None
    asked = frozenset(uids)
    # search_since adds a day of grace by itself.
    near = asked & frozenset(job.session.search_since(start - (_EDGE - timedelta(days=1))))
    sure = asked & frozenset(job.session.search_since(start + _EDGE + timedelta(days=1)))
    edge = sorted(near - sure)
    if not edge:
        return sure
    told = {one.uid: one.internaldate for one in job.session.fetch_headers(edge)}
    return sure | {uid for uid in edge if (at := told.get(uid)) is None or at >= start_at}

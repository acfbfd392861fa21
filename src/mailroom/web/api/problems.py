"""Errors as problem documents (RFC 9457): a type to branch on, a sentence to read, the fields at fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError

from mailroom.actions.refusals import Clash, NotAllowed, Refused
from mailroom.core.search import QueryError
from mailroom.web import faults


class Fault(Schema):
    """One field at fault."""

    field: str
    key: str
    message: str


class Problem(Schema):
    """A problem document; ``type`` is ``about:blank`` or a stable word after ``mailroom:``."""

    type: str
    title: str
    status: int
    detail: str = ""
    faults: list[Fault] = []


CODES = frozenset({400, 401, 403, 404, 409, 422})
REFUSALS: dict[Any, Any] = {CODES: Problem}
"""Added to the responses of every operation, so that the OpenAPI document tells them too."""

_TITLES = {
    400: "Malformed request",
    401: "Sign in first",
    403: "Not allowed",
    404: "Not found",
    405: "No such method here",
    409: "Not now",
    413: "Too large",
    422: "Cannot be processed",
    429: "Too many requests",
    500: "Our mistake",
}


def problem(
    status: int, *, kind: str = "", detail: str = "", at_fault: list[dict[str, Any]] | None = None
) -> HttpResponse:
    """A problem document as a response."""
    body = {
        "type": f"mailroom:{kind}" if kind else "about:blank",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "faults": at_fault or [],
    }
    return JsonResponse(body, status=status, content_type="application/problem+json")


def install(api: NinjaAPI) -> None:
    """Teach the API to answer every failure with a problem document."""
    handlers: dict[type[Exception], Callable[[HttpRequest, Any], HttpResponse]] = {
        Refused: _refused,
        ValidationError: _invalid,
        QueryError: _odd_query,
        AuthenticationError: lambda request, _: problem(
            401, kind="no_token", detail="Send a valid token: Authorization: Bearer <token>."
        ),
        PermissionDenied: lambda request, _: problem(403, kind="not_allowed"),
        Http404: lambda request, _: problem(404, kind="not_found"),
        HttpError: lambda request, failure: problem(failure.status_code, detail=str(failure)),
    }
    for kind, handler in handlers.items():
        api.add_exception_handler(kind, handler)


def _refused(request: HttpRequest, refused: Refused) -> HttpResponse:
    status = 403 if isinstance(refused, NotAllowed) else 409 if isinstance(refused, Clash) else 422
    told = [faults.as_dict(fault) for fault in refused.faults]
    detail = " ".join(dict.fromkeys(one["message"] for one in told))
    return problem(status, kind=refused.faults[0].key if refused.faults else "", detail=detail, at_fault=told)


def _invalid(request: HttpRequest, failure: ValidationError) -> HttpResponse:
    told = [
        {
            "field": ".".join(str(step) for step in error.get("loc", ())[2:]),
            "key": str(error.get("type", "")),
            "message": str(error.get("msg", "")),
        }
        for error in failure.errors
    ]
    return problem(422, kind="malformed", detail="; ".join(one["message"] for one in told), at_fault=told)


def _odd_query(request: HttpRequest, failure: QueryError) -> HttpResponse:
    expected = f" Write {failure.expected}." if failure.expected else ""
    detail = f"The search term {failure.field}:{failure.value} cannot be read.{expected}"
    told = {"field": failure.field or "q", "key": failure.fault.value, "message": detail}
    return problem(422, kind="odd_query", detail=detail, at_fault=[told])

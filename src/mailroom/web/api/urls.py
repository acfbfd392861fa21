"""The addresses under ``/api/v1/``; the OpenAPI document lies at ``openapi.json``."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import re_path
from django.views.decorators.csrf import csrf_exempt

from . import api
from .problems import problem


@csrf_exempt
def unknown(request: HttpRequest) -> HttpResponse:
    """A script that mistypes an address gets a problem document, not a page."""
    return problem(404, kind="not_found", detail="There is no such address. See /api/v1/openapi.json.")


app_name = "api"
urlpatterns = [*api.urls[0], re_path(r"", unknown)]

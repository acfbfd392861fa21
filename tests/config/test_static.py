"""Static files come from the packages, whole, stamped, and are not sent twice."""

from __future__ import annotations

import re

from django.contrib.staticfiles.storage import staticfiles_storage
from django.test import Client

NAME = "django_htmx/htmx-2.min.js"


def test_an_address_carries_the_digest_of_the_file() -> None:
    assert re.fullmatch(rf"/static/{NAME}\?v=[0-9a-f]{{12}}", staticfiles_storage.url(NAME))
    assert staticfiles_storage.url("no/such.js") == "/static/no/such.js"


def test_a_file_is_served_once_and_then_not_modified(client: Client) -> None:
    first = client.get(staticfiles_storage.url(NAME))
    assert first.status_code == 200
    assert first["Content-Type"].startswith("text/javascript")
    assert int(first["Content-Length"]) == len(first.content) > 10_000
    again = client.get(staticfiles_storage.url(NAME), headers={"If-Modified-Since": first["Last-Modified"]})
    assert (again.status_code, again.content) == (304, b"")


def test_what_is_not_there_is_not_found(client: Client) -> None:
    assert client.get("/static/../settings.py").status_code == 404
    assert client.get("/static/no/such.js").status_code == 404

"""The page as a Django application, so that its templates, tags and static files are found."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Templates, tags and static files of the page; no tables."""

    name = "mailroom.web"
    label = "web"

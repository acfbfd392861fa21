from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = "mailroom.data.outbox"
    label = "outbox"

from django.apps import AppConfig


class MailConfig(AppConfig):
    name = "mailroom.data.mail"
    label = "mail"

from django.apps import AppConfig


class ContactsConfig(AppConfig):
    name = "mailroom.data.contacts"
    label = "contacts"

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "mailroom.data.people"
    label = "people"

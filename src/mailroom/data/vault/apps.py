from django.apps import AppConfig


class VaultConfig(AppConfig):
    name = "mailroom.data.vault"
    label = "vault"

from django.apps import AppConfig


class BlobsConfig(AppConfig):
    name = "mailroom.data.blobs"
    label = "blobs"

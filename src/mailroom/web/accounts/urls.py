"""Addresses of the accounts screens."""

from __future__ import annotations

from django.urls import path

from . import connecting, detail, folders, listing, parked

app_name = "accounts"
urlpatterns = [
    path("", listing.accounts, name="list"),
    path("sizes/", listing.sizes, name="sizes"),
    path("add/", connecting.add, name="add"),
    path("discover/", connecting.discover, name="discover"),
    path("test/", connecting.test, name="test"),
    path("<int:pk>/", detail.detail, name="detail"),
    path("<int:pk>/test/", detail.test, name="test_saved"),
    path("<int:pk>/fetch/", detail.fetch, name="fetch"),
    path("<int:pk>/off/", detail.archive, name="archive"),
    path("<int:pk>/on/", detail.restore, name="restore"),
    path("<int:pk>/folders/", folders.folders, name="folders"),
    path("<int:pk>/folders/<int:folder>/", folders.change, name="change_folder"),
    path("<int:pk>/access/", detail.access_list, name="access"),
    path("<int:pk>/ledger/", parked.ledger, name="ledger"),
    path("<int:pk>/parked/<int:parked>/retry/", parked.retry, name="retry"),
    path("<int:pk>/parked/<int:parked>/letter.eml", parked.download, name="parked"),
]

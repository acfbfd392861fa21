"""Addresses of the contacts screens."""

from __future__ import annotations

from django.urls import path

from . import cards, editing, listing

app_name = "contacts"
urlpatterns = [
    path("", listing.companies, name="list"),
    path("people/", listing.people, name="people"),
    path("suggest/", listing.suggest, name="suggest"),
    path("companies/add/", editing.add_company, name="add_company"),
    path("companies/<int:pk>/", cards.company, name="company"),
    path("companies/<int:pk>/figures/", cards.company_figures, name="company_figures"),
    path("companies/<int:pk>/edit/", editing.edit_company, name="edit_company"),
    path("companies/<int:pk>/delete/", editing.delete_company, name="delete_company"),
    path("people/add/", editing.add_person, name="add_person"),
    path("people/<int:pk>/", cards.person, name="person"),
    path("people/<int:pk>/figures/", cards.person_figures, name="person_figures"),
    path("people/<int:pk>/edit/", editing.edit_person, name="edit_person"),
    path("people/<int:pk>/delete/", editing.delete_person, name="delete_person"),
    path("people/<int:pk>/addresses/", editing.add_address, name="add_address"),
    path("people/<int:pk>/addresses/<int:address>/", editing.remove_address, name="remove_address"),
]

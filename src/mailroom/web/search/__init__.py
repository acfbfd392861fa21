"""Searching mail."""

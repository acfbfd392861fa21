"""Accounts, folders, letters, and where each letter sits."""

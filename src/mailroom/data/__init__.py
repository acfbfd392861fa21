"""The tables: a chain of Django apps. Foreign keys point down the chain only."""

"""Addresses ever seen, and the cards that own them."""

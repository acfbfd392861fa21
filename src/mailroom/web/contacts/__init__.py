"""Companies and people: lists, cards with the whole correspondence, forms."""

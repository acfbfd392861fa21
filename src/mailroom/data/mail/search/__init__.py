"""The search index: FTS5 or tsvector, fed the same folded words, giving the same answers.

The account is a token of the indexed document, so visibility is decided inside the index. The exact text
shown to the index is kept beside the row, because a contentless index forgets only what it is shown again.
"""

from .index import Document, index, remove, text_of
from .query import Found, count, query

__all__ = ["Document", "Found", "count", "index", "query", "remove", "text_of"]

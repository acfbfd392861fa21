"""Taking letters in: a batch is one transaction, and what is stored twice is stored once.

``store`` needs nothing but the batch and the database, so a lone writer process can call it.
"""

from .batch import Arrival, Batch, Progress, Stored
from .store import FenceLost, store

__all__ = ["Arrival", "Batch", "FenceLost", "Progress", "Stored", "store"]

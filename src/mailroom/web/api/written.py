"""What a caller writes: a field that does not exist is an error, not something silently left out."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Written(BaseModel):
    """Base of every request body."""

    model_config = ConfigDict(extra="forbid")

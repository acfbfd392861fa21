"""The page and the API. Views read through :mod:`mailroom.web.access` only."""

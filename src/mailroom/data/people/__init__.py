"""The firm, its users and groups, and how they prove who they are."""

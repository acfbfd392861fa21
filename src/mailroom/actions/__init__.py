"""What can be done: one verb, one transaction. Callers are the page, the API and the engine."""

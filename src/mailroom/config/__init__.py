"""The only place that reads the environment; wiring (apps, urls, ASGI, logs, keys) and no rule of mail."""

"""The core: pure functions over bytes and values.

Nothing here opens a socket, asks a clock, rolls dice, logs, or knows a table: time, randomness and
identifiers are arguments. What decides lives here; what acts lives above and is dull. The import
contract in ``pyproject.toml`` keeps it so.
"""

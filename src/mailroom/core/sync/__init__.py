"""Deciding what a mailbox needs: states in, steps out. Playing the steps is the engine's work."""

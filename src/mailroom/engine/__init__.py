"""The loops between tables and sockets: no rules of their own, no SQL of their own."""

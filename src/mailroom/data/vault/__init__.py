"""Secrets, sealed at rest. Nothing outside this app sees ciphertext; nothing logs plaintext."""

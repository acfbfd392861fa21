"""Writing letters: the window, drafts, files, and the outbox."""

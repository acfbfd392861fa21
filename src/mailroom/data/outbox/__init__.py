"""What is being written and what is to be sent: immutable bytes, per-recipient state, evidence."""

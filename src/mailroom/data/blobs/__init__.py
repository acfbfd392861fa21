"""Bytes of letters and files, addressed by their content, written once and never rewritten."""

"""Coming in and settling: first start, sign-in, language, theme, keys."""

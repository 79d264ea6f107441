"""The causes in words, a family a file."""

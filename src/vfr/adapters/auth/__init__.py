"""Passwords, signatures and secrets: everything of accounts that is cryptography."""

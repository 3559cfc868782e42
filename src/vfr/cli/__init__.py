"""The command line: one module per command, one place for output and one for errors."""

from vfr.cli.app import main

__all__ = ["main"]

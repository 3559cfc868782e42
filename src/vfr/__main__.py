"""``python -m vfr`` is ``vfr``."""

from __future__ import annotations

from vfr.cli import main

if __name__ == "__main__":
    main()

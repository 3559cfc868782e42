"""Sphinx configuration; tables of the reference pages are written from the code's own registries at build time."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from generated import write_all  # noqa: E402  (the path is set just above)

project = "VFR"
author = "The VFR developers"
copyright = "the VFR developers"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build", "generated.py"]
html_theme = "furo"
html_title = "VFR"
html_show_sphinx = False
numpydoc_show_class_members = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
suppress_warnings = ["myst.header"]

write_all(HERE / "_generated")

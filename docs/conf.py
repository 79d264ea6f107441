"""How `make docs` builds the documentation: one folder of pages that ask the network for nothing."""

import sys
from importlib.metadata import version as installed
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "Backlight"
author = "the authors of Backlight"
version = release = installed("backlight")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "mathml", "public_names", "signatures"]
exclude_patterns = ["_build", "_extensions"]
html_theme = "furo"
html_title = "Backlight"
html_show_sourcelink = False
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["backlight.css"]
html_show_copyright = False
html_show_sphinx = False
html_math_renderer = "mathml"

myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3

default_role = "code"  # what stands in `single backticks` in a docstring
autodoc_mock_imports = ["lightning", "skorch", "transformers"]  # whose trainers the callbacks are for
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
napoleon_use_ivar = True
toc_object_entries_show_parents = "hide"
highlight_language = "none"

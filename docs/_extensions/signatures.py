"""Types in signatures as they are written, not as NumPy spells its aliases out; and attributes called so."""

import re
from typing import Any

from sphinx.application import Sphinx
from sphinx.domains.python import PyObject

ARRAY = re.compile(r"~?numpy\.ndarray\[(?:~?[\w.]*tuple)\[(?:~?[\w.]*Any), \.\.\.\], ~?numpy\.dtype\[([^\[\]]+)\]\]")


def shorten(
    app: Sphinx, what: str, name: str, value: Any, options: Any, arguments: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    return short(arguments), short(returned)


def short(text: str | None) -> str | None:
    """NDArray[float64] for numpy.ndarray[tuple[Any, ...], numpy.dtype[numpy.float64]].

    >>> short("numpy.ndarray[tuple[Any, ...], numpy.dtype[numpy.float64]]")
    'NDArray[float64]'
    """
    return text and ARRAY.sub(written, text)


def written(found: re.Match[str]) -> str:
    kind = found[1].replace("~", "").removeprefix("numpy.")
    return "NDArray" if kind.endswith("_ScalarT") else f"NDArray[{kind}]"


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("autodoc-process-signature", shorten)
    for kind in PyObject.doc_field_types:
        if kind.name == "variable":
            kind.label = "Attributes"
    return {"parallel_read_safe": True, "parallel_write_safe": True}

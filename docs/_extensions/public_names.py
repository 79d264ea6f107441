"""Warns, and so fails the build, where a public name is not in the reference or says nothing about itself."""

import dataclasses
import inspect
from collections.abc import Iterator
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

import backlight

logger = logging.getLogger(__name__)


def check_names(app: Sphinx, env: BuildEnvironment) -> None:
    described = env.domains["py"].data["objects"]
    for name in backlight.__all__:
        if name.startswith("__"):
            continue
        if f"backlight.{name}" not in described:
            logger.warning("backlight.%s is public, and not in docs/api", name)
        for missing in silent(name, getattr(backlight, name)):
            logger.warning("backlight.%s has no words of its own in its docstring", missing)


def silent(name: str, value: Any) -> Iterator[str]:
    """The names, of a value itself, its public members and fields, that no docstring speaks of."""
    if not value.__doc__:
        yield name
    if not inspect.isclass(value):
        return
    for member, thing in vars(value).items():
        documentable = inspect.isfunction(thing) or isinstance(thing, property | classmethod | staticmethod)
        if documentable and not member.startswith("_") and not inspect.getdoc(getattr(value, member)):
            yield f"{name}.{member}"
    for field in dataclasses.fields(value) if dataclasses.is_dataclass(value) else ():
        if field.name not in (value.__doc__ or ""):
            yield f"{name}.{field.name}"


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("env-check-consistency", check_names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

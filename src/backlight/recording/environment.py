"""Where a run took place: machine and versions, so that a figure can be weighed later."""

import importlib.metadata
import os
import platform
import sys
from typing import Any

PACKAGES = ("backlight", "numpy", "scipy", "scikit-learn", "torch", "tensorboard", "matplotlib")


def describe_environment() -> dict[str, Any]:
    """JSON-able facts; packages that are not installed are left out."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "python": sys.version.split()[0],
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "versions": versions,
    }


def environment_text(environment: dict[str, Any]) -> str:
    """The same in one line for people."""
    versions = ", ".join(f"{package} {number}" for package, number in environment["versions"].items())
    cores = environment["cores"]
    return f"{environment['processor']}, {cores} cores, Python {environment['python']}, {versions}"


def processor_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"

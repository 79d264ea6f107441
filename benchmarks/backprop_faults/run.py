"""The benchmark as a script: `python benchmarks/backprop_faults/run.py`; see command.py."""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])  # the package, not its files, is what is imported
    runpy.run_module("benchmarks.backprop_faults", run_name="__main__")

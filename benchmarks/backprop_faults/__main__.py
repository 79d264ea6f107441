"""`python -m benchmarks.backprop_faults` is `python benchmarks/backprop_faults/run.py`."""

from .command import main

if __name__ == "__main__":
    main()

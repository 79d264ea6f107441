"""`python -m benchmarks.crash`; see command.py."""

from .command import main

if __name__ == "__main__":
    main()

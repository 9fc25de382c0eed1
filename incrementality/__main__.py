"""``python -m incrementality``."""

from incrementality.cli import main

main()

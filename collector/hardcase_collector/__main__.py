"""`python -m hardcase_collector`: the same as the console script."""

from hardcase_collector.cli import main

main()

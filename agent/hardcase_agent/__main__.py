"""`python -m hardcase_agent`, for an environment without the console script."""

from hardcase_agent.cli import main

if __name__ == "__main__":
    main()

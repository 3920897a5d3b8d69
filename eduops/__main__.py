"""`python -m eduops` is the command line too."""

from eduops.cli import main

if __name__ == "__main__":
    main()

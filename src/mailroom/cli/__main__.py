"""`python -m mailroom.cli` is the console script without a file to find."""

from mailroom.cli import main

if __name__ == "__main__":
    main()

"""``python -m hybridrad``: the command line."""

from hybridrad.cli import main

if __name__ == "__main__":
    main()

"""`python -m edgeblur` is `edgeblur`."""

from edgeblur.cli import main

if __name__ == "__main__":
    main()

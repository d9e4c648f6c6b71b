"""`python -m vss_router` is `vss-router`."""

from vss_router.cli import main

if __name__ == "__main__":
    main()

"""The command `cnnrun`."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit with its code."""
    from cnnrun.cli.app import run

    run()


if __name__ == "__main__":
    main()

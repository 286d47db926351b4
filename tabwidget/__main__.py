"""``python -m tabwidget``: the command line."""

from tabwidget.cli import main

if __name__ == "__main__":
    main()

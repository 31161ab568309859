"""``python -m offhook`` is the command ``offhook``."""

import sys

from offhook.cli import main

if __name__ == "__main__":
    sys.exit(main())

"""`python -m tailrank`: the same as the `tailrank` command."""

import sys

from tailrank.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

"""`python3 -m labkit`: what the `lab` command runs."""

import sys

from labkit.cli import main

sys.exit(main())

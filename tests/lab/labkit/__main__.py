"""What the `lab` command runs."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # so that the package is found by its name

from labkit.cli import main  # noqa: E402

sys.exit(main())

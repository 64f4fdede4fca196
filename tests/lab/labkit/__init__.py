"""labkit: the parts of the lab, a small multi-node network of real systemd machines on one Linux machine."""

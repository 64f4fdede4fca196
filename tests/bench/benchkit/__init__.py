"""The bench: the same work for krun and its peers, side by side on the same nodes."""

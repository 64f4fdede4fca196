"""The cluster kind "stand-in": see cluster.py."""

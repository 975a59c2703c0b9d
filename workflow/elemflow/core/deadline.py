"""The environment variable with the end of a job's time."""

DEADLINE = "ELEMFLOW_DEADLINE"
"""Name of the variable; its value is in seconds since 1970."""

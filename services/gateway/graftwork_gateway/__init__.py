"""Gateway: the only door for API clients."""

__version__ = "0.1.0"

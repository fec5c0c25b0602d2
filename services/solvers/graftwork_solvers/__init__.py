"""Solver pods: the model plane in front of one OpenAI-compatible endpoint."""

__version__ = "0.1.0"

"""Graftwork: grows workflows that make synthetic training data.

This module stays empty of imports on purpose: ``graftwork --help`` must answer at once.
"""

__version__ = "0.1.0"

"""The optimizer: proposes seed spaces, writes, refines and repairs workflows, and judges them."""

__version__ = "0.1.0"

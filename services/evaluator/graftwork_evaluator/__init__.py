"""The evaluator: regenerates the metrics of an evaluation and scores samples by them."""

__version__ = "0.1.0"

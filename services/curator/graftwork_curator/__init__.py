"""The curator: takes the rows worth keeping and publishes them as a dataset."""

__version__ = "0.1.0"

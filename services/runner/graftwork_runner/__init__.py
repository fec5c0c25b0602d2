"""Runner: executes workflows in a sandbox over chunks of seeds and says which candidates became samples."""

__version__ = "0.1.0"

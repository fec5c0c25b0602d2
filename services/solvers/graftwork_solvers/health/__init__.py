"""Whether the pod wants calls."""

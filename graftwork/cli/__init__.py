"""The ``graftwork`` command."""

"""Errors of exports.

GraftworkError
  x ExportError
    - CannotBecome              a dataset of this layout cannot be told in that format
    - RowDoesNotFit             one row of it cannot (``row``: its number, from 1)
"""

from graftwork.kit.errors import GraftworkError


class ExportError(GraftworkError):
    """Root of the errors of exports."""

    code = "export"


class CannotBecome(ExportError):
    """A dataset of this layout cannot be told in that format."""

    code = "cannot_become"


class RowDoesNotFit(ExportError):
    """One row cannot be told in the format that was asked for."""

    code = "row_does_not_fit"

    def __init__(self, row: int, why: str) -> None:
        super().__init__(f"row {row}: {why}")
        self.row = row

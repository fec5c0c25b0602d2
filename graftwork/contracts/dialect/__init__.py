"""The language of workflows: what the runtime checks code against, and what the authors of code are told.

Beside each other so that they cannot drift apart: the runner type-checks every workflow against stubs made from
``interface``, the optimizer's prompts state ``DIALECT``, made from ``interface`` and ``lacks``, whoever repairs a
failure is told the cure from ``lacks``, and tests run every claim made here through the runtime (Monty, a Python
interpreter made for code written by language models).
"""

from graftwork.contracts.dialect.interface import CHECKER_STUBS
from graftwork.contracts.dialect.interface import ENTRY_POINT
from graftwork.contracts.dialect.interface import HELPERS
from graftwork.contracts.dialect.interface import STUBS
from graftwork.contracts.dialect.interface import Offer
from graftwork.contracts.dialect.interface import helper_stubs
from graftwork.contracts.dialect.lacks import LIBRARY
from graftwork.contracts.dialect.lacks import MISSING_MODULES
from graftwork.contracts.dialect.lacks import MISSING_NAMES
from graftwork.contracts.dialect.lacks import MODULES
from graftwork.contracts.dialect.lacks import SYNTAX
from graftwork.contracts.dialect.lacks import Lack
from graftwork.contracts.dialect.lacks import hints_for
from graftwork.contracts.dialect.telling import CPYTHON_DIALECT
from graftwork.contracts.dialect.telling import DIALECT
from graftwork.contracts.dialect.telling import PROMPT_FILTERS
from graftwork.contracts.dialect.telling import dialect_of

__all__ = [
    "CHECKER_STUBS",
    "CPYTHON_DIALECT",
    "DIALECT",
    "ENTRY_POINT",
    "HELPERS",
    "LIBRARY",
    "MISSING_MODULES",
    "MISSING_NAMES",
    "MODULES",
    "PROMPT_FILTERS",
    "STUBS",
    "SYNTAX",
    "Lack",
    "Offer",
    "dialect_of",
    "helper_stubs",
    "hints_for",
]

"""Which characters of a stranger's text may not be shown as they are.

They command a terminal, turn the reading direction, hide words from people that a model reads, or have no encoding. A
stranger is whoever wrote a sample, a trace, a workflow, a modification or a seed: a model, or a program of one. Line
ends and tabs are text.
"""

import re

HIDDEN = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, the escape character among them
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # reading direction
    "\u2028\u2029"  # line ends that only some readers know
    "\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\udfff"  # halves of characters
    "\U000e0000-\U000e007f"  # letters that nobody sees
    "]"
)


def visible(text: str) -> str:
    """Text with each hidden character replaced by a sign that there was one, and with one kind of line end."""
    return HIDDEN.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n").replace("\r", "\n"))

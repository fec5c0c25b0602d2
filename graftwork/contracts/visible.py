"""Which characters of a stranger's text may not be shown as they are.

They command a terminal, turn the reading direction, hide words from people that a model reads, or have no encoding. A
stranger is whoever wrote a sample, a trace, a workflow, a modification or a seed: a model, or a program of one. Line
ends and tabs are text.
"""

import re

_ALWAYS = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, the escape character among them
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # reading direction
    "\u00ad\u180e\u200b\u2060-\u2064\u3164"  # no width, or no ink; joiners have their use in emoji and in many scripts
    "\u2028\u2029"  # line ends that only some readers know
    "\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\udfff"  # halves of characters
    "\U000e0000-\U000e007f"  # letters that nobody sees
)
_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_IDEOGRAPHS = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"

# One selector says how an emoji or an ideograph is drawn. A run of them draws nothing, and may spell a text of bytes.
HIDDEN = re.compile(
    f"[{_ALWAYS}]|[{_SELECTORS}](?:[{_ALWAYS}]*[{_SELECTORS}])+|(?<![{_IDEOGRAPHS}])[\U000e0100-\U000e01ef]"
)
"""A hidden character, or a run of selectors."""


def visible(text: str) -> str:
    """Text with whatever is hidden replaced by a sign that it was there, and with one kind of line end."""
    return HIDDEN.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n").replace("\r", "\n"))

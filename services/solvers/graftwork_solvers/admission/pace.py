"""Whether an endpoint has become slow, told from how long its answers take. Pure.

Two averages are compared, a short one and a long one, as in ``Gradient2Limit`` of Netflix's concurrency-limits. TCP
Vegas' comparison with the best ever seen would not do: an engine that batches is slower per call the more it has to
do, and yet does more. Only a sudden change tells of a queue inside.
"""

_WINDOW = 20
_TOLERANCE = 2.0
_SHARE_OF_NEW = 0.1
# What reading the prompt costs, in tokens written: else short answers would look slow.
_TOKENS_TO_START = 32


class Pace:
    """Watches one model. A pace is in seconds per token, so that long answers are not taken for slow ones."""

    def __init__(self) -> None:
        self._window: list[float] = []
        self._usual: float | None = None

    def slowed(self, seconds: float, tokens: int) -> bool:
        """Take note of an answer of ``tokens``; whether those of the window that it ends took twice the usual time."""
        self._window.append(seconds / (_TOKENS_TO_START + tokens))
        if len(self._window) < _WINDOW:
            return False
        lately = sum(self._window) / _WINDOW
        self._window.clear()
        usual = lately if self._usual is None else self._usual
        self._usual = usual + _SHARE_OF_NEW * (lately - usual)
        return lately > _TOLERANCE * usual

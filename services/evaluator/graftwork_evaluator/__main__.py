"""``python -m graftwork_evaluator``."""

from graftwork.kit.service import serve
from graftwork.kit.settings import read_settings
from graftwork_evaluator.bootstrap import build
from graftwork_evaluator.settings import EvaluatorSettings


def main() -> None:
    """Run the evaluator until it is told to stop."""
    settings = read_settings(EvaluatorSettings)
    serve(lambda: build(settings), settings, "evaluator")


if __name__ == "__main__":
    main()

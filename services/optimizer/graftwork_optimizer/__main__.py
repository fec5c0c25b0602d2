"""``python -m graftwork_optimizer``."""

from graftwork.kit.service import serve
from graftwork_optimizer.bootstrap import build
from graftwork_optimizer.settings import OptimizerSettings


def main() -> None:
    """Run the optimizer until it is told to stop."""
    settings = OptimizerSettings()
    serve(lambda: build(settings), settings, "optimizer")


if __name__ == "__main__":
    main()

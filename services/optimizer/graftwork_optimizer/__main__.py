"""``python -m graftwork_optimizer``."""

from graftwork.kit.service import serve
from graftwork.kit.settings import read_settings
from graftwork_optimizer.bootstrap import build
from graftwork_optimizer.settings import OptimizerSettings


def main() -> None:
    """Run the optimizer until it is told to stop."""
    settings = read_settings(OptimizerSettings)
    serve(lambda: build(settings), settings, "optimizer")


if __name__ == "__main__":
    main()

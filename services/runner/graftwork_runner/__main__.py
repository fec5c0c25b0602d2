"""``python -m graftwork_runner``."""

from graftwork.kit.service import serve
from graftwork.kit.settings import read_settings
from graftwork_runner.bootstrap import build
from graftwork_runner.settings import RunnerSettings


def main() -> None:
    """Run the runner until it is told to stop."""
    settings = read_settings(RunnerSettings)
    serve(lambda: build(settings), settings, "runner")


if __name__ == "__main__":
    main()

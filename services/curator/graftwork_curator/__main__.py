"""``python -m graftwork_curator``."""

from graftwork.kit.service import serve
from graftwork.kit.settings import read_settings
from graftwork_curator.bootstrap import build
from graftwork_curator.settings import CuratorSettings


def main() -> None:
    """Run the curator until it is told to stop."""
    settings = read_settings(CuratorSettings)
    serve(lambda: build(settings), settings, "curator")


if __name__ == "__main__":
    main()

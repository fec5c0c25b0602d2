"""``python -m graftwork_search``."""

from graftwork.kit.service import serve
from graftwork.kit.settings import read_settings
from graftwork_search.bootstrap import NAME
from graftwork_search.bootstrap import build
from graftwork_search.settings import SearchSettings


def main() -> None:
    """Run the search service until it is told to stop."""
    settings = read_settings(SearchSettings)
    serve(lambda: build(settings), settings, NAME)


if __name__ == "__main__":
    main()

"""``python -m graftwork_gateway``."""

from graftwork.kit.service import serve
from graftwork.kit.settings import read_settings
from graftwork_gateway.bootstrap import build
from graftwork_gateway.handlers import SERVICE
from graftwork_gateway.settings import GatewaySettings


def main() -> None:
    """Run the gateway until it is told to stop."""
    settings = read_settings(GatewaySettings)
    serve(lambda: build(settings), settings, SERVICE)


if __name__ == "__main__":
    main()

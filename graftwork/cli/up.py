"""``graftwork up``."""

from pathlib import Path

import click

from graftwork.cli.running import run_async
from graftwork.cli.steps import Steps
from graftwork.local.services import GATEWAY
from graftwork.local.services import SERVICES
from graftwork.local.services import read_settings
from graftwork.local.state import graftwork_home
from graftwork.local.supervisor import Platform


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the REST API (GRAFTWORK_GATEWAY_PORT; 8765).")
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="Data directory (GRAFTWORK_HOME).")
@click.option(
    "--without", multiple=True, type=click.Choice(SERVICES), help="Leave a service to you (see `graftwork env`)."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
def up(port: int | None, home: Path | None, without: tuple[str, ...], *, as_json: bool) -> None:
    """Start Kafka, MongoDB, a model and every service on this machine.

    Runs until Ctrl-C. Data is kept: the next `up` goes on with unfinished jobs. Servers named by GRAFTWORK_KAFKA,
    GRAFTWORK_MONGO and OPENAI_BASE_URL are used instead of starting some.
    """
    settings = read_settings() if port is None else read_settings(gateway_port=port)
    steps = Steps(as_json=as_json)
    place = (home or graftwork_home()).absolute()
    platform = Platform(place, settings=settings, without=without, on_progress=steps)
    run_async(_up(platform, place, steps, serves=GATEWAY not in without))


async def _up(platform: Platform, home: Path, steps: Steps, *, serves: bool) -> None:
    async with platform as state:
        ready = f"Graftwork is ready at {state.url}" if serves else "Graftwork is up, without its gateway"
        steps(f"{ready} (key: {home / 'key'}; logs: {home / 'logs'}; Ctrl-C stops it)")
        steps.record("ready", url=state.url, home=str(home))
        await platform.watch()

"""``graftwork up``."""

from pathlib import Path

import click

from graftwork.cli.running import run_async
from graftwork.cli.steps import Steps
from graftwork.local.services import PlatformSettings
from graftwork.local.services import read_settings
from graftwork.local.state import graftwork_home
from graftwork.local.supervisor import Platform


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the REST API (GRAFTWORK_GATEWAY_PORT; 8765).")
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="Data directory (GRAFTWORK_HOME).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
def up(port: int | None, home: Path | None, *, as_json: bool) -> None:
    """Start Kafka, MongoDB, a model and every service on this machine.

    Runs until Ctrl-C. Data is kept: the next `up` goes on with unfinished jobs. Servers named by GRAFTWORK_KAFKA,
    GRAFTWORK_MONGO and OPENAI_BASE_URL are used instead of starting some.
    """
    settings = read_settings() if port is None else read_settings(gateway_port=port)
    run_async(_up((home or graftwork_home()).absolute(), settings, Steps(as_json=as_json)))


async def _up(home: Path, settings: PlatformSettings, steps: Steps) -> None:
    platform = Platform(home, settings=settings, on_progress=steps)
    async with platform as state:
        steps(f"Graftwork is ready at {state.url} (key: {home / 'key'}; logs: {home / 'logs'}; Ctrl-C stops it)")
        steps.record("ready", url=state.url, home=str(home))
        await platform.watch()

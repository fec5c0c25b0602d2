"""Settings of the optimizer."""

from graftwork.models.settings import CallerSettings


class OptimizerSettings(CallerSettings):
    """Read from ``GRAFTWORK_*``. A task makes one model call at a time, so ``task_concurrency`` is what a pool sees."""

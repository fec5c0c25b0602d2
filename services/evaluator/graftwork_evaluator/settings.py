"""Settings of the evaluator."""

from graftwork.models.settings import CallerSettings


class EvaluatorSettings(CallerSettings):
    """Read from ``GRAFTWORK_*``. ``task_concurrency`` batches at once ask for all samples, as far as places go."""

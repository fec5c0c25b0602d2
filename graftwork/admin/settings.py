"""Settings of the operator's commands: those that every service has, from the same variables."""

from pydantic import ValidationError

from graftwork.admin.errors import SettingInvalid
from graftwork.kit.settings import ServiceSettings


def read_settings() -> ServiceSettings:
    """Read ``GRAFTWORK_*``. Raises ``SettingInvalid``."""
    try:
        return ServiceSettings()
    except ValidationError as error:
        mistake = error.errors()[0]
        variable = "_".join(["GRAFTWORK", *(str(part).upper() for part in mistake["loc"])])
        raise SettingInvalid(f"{variable}: {mistake['msg']}") from error

"""Settings of the operator's commands: those that every service has, from the same variables."""

from typing import Any

from pydantic import ValidationError

from graftwork.admin.errors import SettingInvalid
from graftwork.kit.settings import ServiceSettings


def read_settings(**given: Any) -> ServiceSettings:
    """Read ``GRAFTWORK_*``; what is given wins. Raises ``SettingInvalid``."""
    try:
        return ServiceSettings(**given)
    except ValidationError as error:
        mistake = error.errors()[0]
        variable = "_".join(["GRAFTWORK", *(str(part).upper() for part in mistake["loc"])])
        raise SettingInvalid(f"{variable}: {mistake['msg']}") from error

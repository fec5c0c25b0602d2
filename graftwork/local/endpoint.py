"""What a model endpoint tells of itself."""

from http import HTTPStatus

import httpx
from pydantic import BaseModel
from pydantic import SecretStr
from pydantic import ValidationError

TIMEOUT_SECONDS = 10.0


class _Model(BaseModel):
    id: str


class _Models(BaseModel):
    data: tuple[_Model, ...]


async def listed_models(base_url: str, key: SecretStr | None) -> tuple[str, ...]:
    """Return the names of the models behind ``base_url`` (up to ``/v1``); none where it does not list them."""
    headers = {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}
    async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, headers=headers) as client:
        try:
            answer = await client.get(f"{base_url.rstrip('/')}/models")
        except httpx.HTTPError:
            return ()
    if answer.status_code != HTTPStatus.OK:
        return ()
    try:
        return tuple(model.id for model in _Models.model_validate_json(answer.content).data)
    except ValidationError:
        return ()

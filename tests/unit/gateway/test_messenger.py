import base64
from datetime import UTC
from datetime import datetime

import pytest
from standardwebhooks import Webhook

from graftwork.kit.errors import GraftworkError
from graftwork_gateway.errors import WebhookRefused
from graftwork_gateway.errors import WebhookUnheard
from graftwork_gateway.messenger import judge
from graftwork_gateway.messenger import signed
from graftwork_gateway.webhooks import new_secret


def test_a_call_is_signed_as_the_conventions_own_example() -> None:
    headers = signed(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1_614_265_330, UTC),
        '{"test": 2432232314}',
    )

    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_receiver_with_the_secret_can_verify_a_call() -> None:
    secret, body = new_secret(), '{"type": "job.finished", "name": "Brüche"}'
    headers = signed(secret, "msg_1", datetime.now(UTC), body)

    assert Webhook(secret).verify(body, headers)["name"] == "Brüche"


def test_secrets_are_long_and_never_the_same() -> None:
    secrets = {new_secret() for _ in range(20)}

    assert len(secrets) == 20
    assert {len(base64.b64decode(one.removeprefix("whsec_"))) for one in secrets} == {32}


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_success_is_heard(status: int) -> None:
    judge(status)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, WebhookUnheard),
        (307, WebhookUnheard),
        (400, WebhookUnheard),
        (404, WebhookUnheard),
        (429, WebhookUnheard),
        (500, WebhookUnheard),
        (410, WebhookRefused),
    ],
)
def test_anything_else_is_not(status: int, error: type[GraftworkError]) -> None:
    with pytest.raises(error):
        judge(status)

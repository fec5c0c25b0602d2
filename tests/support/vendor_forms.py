"""Forms in which vendors of models say that they refuse a call."""

from typing import Any

Body = dict[str, Any]


def openai(message: str, **fields: Any) -> Body:
    """Return the error object that most have taken over."""
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None, **fields}}


def anthropic(kind: str, message: str) -> Body:
    """Return Anthropic's own, which its compatible door also sends."""
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_011CUsqsYzUH1uPbkfKXe11U"}


def google(code: int, status: str, message: str, *details: Body) -> list[Body]:
    """Return Gemini's, in a list."""
    return [{"error": {"code": code, "message": message, "status": status, "details": list(details)}}]


def unknown_names(names: list[str]) -> list[Body]:
    """Return what Gemini says of fields that it has not heard of."""
    said = [f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.' for name in names]
    violations = {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [{"description": one} for one in said],
    }
    return google(400, "INVALID_ARGUMENT", "\n".join(said), violations)


def extra_forbidden(names: list[str]) -> Body:
    """Return what Mistral says of fields that it has not heard of."""
    problems = [
        {"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not permitted", "input": 1}
        for name in names
    ]
    return {"object": "error", "message": {"detail": problems}, "type": "invalid_request_error", "code": 3001}

"""Between our models and their protobuf messages; the only module that knows both.

Every pair of functions is a round trip, but for vectors, which travel in single precision.
"""

import json
from typing import Any
from typing import NoReturn

from google.protobuf.message import Message as ProtoMessage
from pydantic import ValidationError

from graftwork.contracts.jobs import Profile
from graftwork.contracts.usage import Usage
from graftwork.kit.errors import ModelRefused
from graftwork.models.plane import Alternative
from graftwork.models.plane import Embeddings
from graftwork.models.plane import EmbedRequest
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Generation
from graftwork.models.plane import Message
from graftwork.models.plane import ModelDescription
from graftwork.models.plane import PoolDescription
from graftwork.models.plane import Sampling
from graftwork.models.plane import TokenLogprob
from graftwork.models.proto.v1 import solvers_pb2 as pb

_ROLE_TO_WIRE = {"system": pb.ROLE_SYSTEM, "user": pb.ROLE_USER, "assistant": pb.ROLE_ASSISTANT}
_ROLE_OF_WIRE = {number: name for name, number in _ROLE_TO_WIRE.items()}
_PROFILE_TO_WIRE = {Profile.STANDARD: pb.PROFILE_STANDARD, Profile.COMPACT: pb.PROFILE_COMPACT}
_PROFILE_OF_WIRE = {number: profile for profile, number in _PROFILE_TO_WIRE.items()}
_SAMPLING = ("temperature", "top_p", "min_p", "repeat_penalty", "max_tokens", "seed")


def _present(message: ProtoMessage, *names: str) -> dict[str, object]:
    """The optional fields that are set: an absent one must stay None and not become a zero."""
    return {name: getattr(message, name) for name in names if message.HasField(name)}


def generate_request_to_wire(request: GenerateRequest) -> pb.GenerateRequest:
    """Raises ``ModelRefused`` for what protobuf cannot carry: lone surrogates, integers beyond 64 bits."""
    try:
        schema = None if request.json_schema is None else json.dumps(request.json_schema, allow_nan=False)
        return pb.GenerateRequest(
            pool=request.pool,
            messages=[pb.Message(role=_ROLE_TO_WIRE[turn.role], content=turn.content) for turn in request.messages],
            model=request.model,
            temperature=request.temperature,
            top_p=request.top_p,
            min_p=request.min_p,
            repeat_penalty=request.repeat_penalty,
            max_tokens=request.max_tokens,
            n=request.n,
            seed=request.seed,
            stop=request.stop,
            json_schema=schema,
            schema_name=request.schema_name,
            logprobs=request.logprobs,
        )
    except (TypeError, ValueError) as error:
        raise ModelRefused(f"the request cannot be sent: {error}") from error


def generate_request_of_wire(message: pb.GenerateRequest) -> GenerateRequest:
    """Raises ``ModelRefused`` for a message that is no valid request."""
    try:
        return GenerateRequest(
            pool=message.pool,
            messages=tuple(_message_of_wire(turn) for turn in message.messages),
            n=message.n or 1,
            stop=tuple(message.stop),
            json_schema=_schema_of_wire(message.json_schema) if message.HasField("json_schema") else None,
            **_present(message, "model", *_SAMPLING, "schema_name", "logprobs"),  # pydantic checks the types
        )
    except ValidationError as error:
        raise ModelRefused(f"not a valid request: {_mistakes(error)}") from error


def _schema_of_wire(text: str) -> dict[str, Any]:
    try:
        schema = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ModelRefused(f"json_schema is not JSON: {error}") from error
    if not isinstance(schema, dict):
        raise ModelRefused("json_schema is not a JSON object")
    return schema


def _no_constant(name: str) -> NoReturn:
    """Python's decoder takes NaN and Infinity, which JSON does not know."""
    raise ValueError(f"{name} is no number")


def _message_of_wire(message: pb.Message) -> Message:
    role = _ROLE_OF_WIRE.get(message.role)
    if role is None:
        raise ModelRefused("a message has no role: system, user or assistant")
    return Message.model_validate({"role": role, "content": message.content})


def _mistakes(error: ValidationError) -> str:
    """What is wrong and where, without the values: prompts do not belong in statuses."""
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_input=False))


def generation_to_wire(generation: Generation) -> pb.GenerateResponse:
    """A generation's message."""
    return pb.GenerateResponse(
        choices=_choices_to_wire(generation),
        usage=_usage_to_wire(generation.usage),
        model=generation.model,
        revision=generation.revision,
        queue_seconds=generation.queue_seconds,
        run_seconds=generation.run_seconds,
        sampling=_sampling_to_wire(generation.sampling),
        prompt_sha256=generation.prompt_sha256,
    )


def _choices_to_wire(generation: Generation) -> list[pb.Choice]:
    count = len(generation.texts)
    thoughts = generation.reasonings or ("",) * count
    logprobs = generation.logprobs or ((),) * count
    choices = zip(generation.texts, generation.finish_reasons, thoughts, logprobs, strict=True)
    return [
        pb.Choice(text=text, finish_reason=reason, reasoning=thought, logprobs=map(_logprob_to_wire, tokens))
        for text, reason, thought, tokens in choices
    ]


def _logprob_to_wire(token: TokenLogprob) -> pb.TokenLogprob:
    top = [pb.Alternative(token=other.token, logprob=other.logprob) for other in token.top]
    return pb.TokenLogprob(token=token.token, logprob=token.logprob, top=top)


def generation_of_wire(message: pb.GenerateResponse) -> Generation:
    """A message's generation."""
    reasonings = tuple(choice.reasoning for choice in message.choices)
    logprobs = tuple(tuple(map(_logprob_of_wire, choice.logprobs)) for choice in message.choices)
    return Generation(
        texts=tuple(choice.text for choice in message.choices),
        finish_reasons=tuple(choice.finish_reason for choice in message.choices),
        usage=_usage_of_wire(message.usage),
        model=message.model,
        revision=message.revision,
        queue_seconds=message.queue_seconds,
        run_seconds=message.run_seconds,
        reasonings=reasonings if any(reasonings) else (),
        logprobs=logprobs if any(logprobs) else (),
        sampling=_sampling_of_wire(message.sampling),
        prompt_sha256=message.prompt_sha256,
    )


def _logprob_of_wire(message: pb.TokenLogprob) -> TokenLogprob:
    top = tuple(Alternative(token=other.token, logprob=other.logprob) for other in message.top)
    return TokenLogprob(token=message.token, logprob=message.logprob, top=top)


def _sampling_to_wire(sampling: Sampling) -> pb.Sampling:
    return pb.Sampling(**sampling.model_dump())


def _sampling_of_wire(message: pb.Sampling) -> Sampling:
    return Sampling.model_validate({**_present(message, *_SAMPLING), "stop": tuple(message.stop)})


def _usage_to_wire(usage: Usage) -> pb.Usage:
    return pb.Usage(
        calls=usage.calls,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cost_usd=usage.cost_usd,
    )


def _usage_of_wire(message: pb.Usage) -> Usage:
    return Usage(
        calls=message.calls,
        prompt_tokens=message.prompt_tokens,
        completion_tokens=message.completion_tokens,
        cost_usd=message.cost_usd if message.HasField("cost_usd") else None,
    )


def embed_request_to_wire(request: EmbedRequest) -> pb.EmbedRequest:
    """Raises ``ModelRefused`` for lone surrogates."""
    try:
        return pb.EmbedRequest(pool=request.pool, texts=request.texts, model=request.model)
    except ValueError as error:
        raise ModelRefused(f"the request cannot be sent: {error}") from error


def embed_request_of_wire(message: pb.EmbedRequest) -> EmbedRequest:
    """Raises ``ModelRefused`` for a message that is no valid request."""
    model = message.model if message.HasField("model") else None
    try:
        return EmbedRequest(pool=message.pool, texts=tuple(message.texts), model=model)
    except ValidationError as error:
        raise ModelRefused(f"not a valid request: {_mistakes(error)}") from error


def embeddings_to_wire(embeddings: Embeddings) -> pb.EmbedResponse:
    """The message of some embeddings."""
    return pb.EmbedResponse(
        vectors=[pb.Vector(values=vector) for vector in embeddings.vectors],
        usage=_usage_to_wire(embeddings.usage),
        model=embeddings.model,
        revision=embeddings.revision,
        queue_seconds=embeddings.queue_seconds,
        run_seconds=embeddings.run_seconds,
    )


def embeddings_of_wire(message: pb.EmbedResponse) -> Embeddings:
    """A message's embeddings."""
    return Embeddings(
        vectors=tuple(tuple(vector.values) for vector in message.vectors),
        usage=_usage_of_wire(message.usage),
        model=message.model,
        revision=message.revision,
        queue_seconds=message.queue_seconds,
        run_seconds=message.run_seconds,
    )


def description_to_wire(description: PoolDescription) -> pb.DescribeResponse:
    """A description's message."""
    return pb.DescribeResponse(
        pool=description.pool,
        default_model=description.default_model,
        models=[pb.ModelDescription(**model.model_dump()) for model in description.models],
        revision=description.revision,
        profile=_PROFILE_TO_WIRE[description.profile],
        writes_code=description.writes_code,
        fixed=None if description.fixed is None else _sampling_to_wire(description.fixed),
        prompt_bytes=description.prompt_bytes,
    )


def description_of_wire(message: pb.DescribeResponse) -> PoolDescription:
    """A message's description; a profile this release does not know counts as standard."""
    return PoolDescription(
        pool=message.pool,
        default_model=message.default_model,
        models=tuple(_model_of_wire(model) for model in message.models),
        revision=message.revision,
        profile=_PROFILE_OF_WIRE.get(message.profile, Profile.STANDARD),
        writes_code=message.writes_code,
        fixed=_sampling_of_wire(message.fixed) if message.HasField("fixed") else None,
        prompt_bytes=message.prompt_bytes,
    )


def _model_of_wire(message: pb.ModelDescription) -> ModelDescription:
    optional = _present(message, "context_tokens", "prompt_usd_per_mtok", "completion_usd_per_mtok")
    return ModelDescription.model_validate({"name": message.name, **optional})

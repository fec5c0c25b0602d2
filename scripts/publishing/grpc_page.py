"""The gRPC contract as a page: from the compiled descriptors, which keep the comments of the proto file."""

import tempfile
from collections.abc import Iterator
from collections.abc import Mapping
from pathlib import Path

from google.protobuf.descriptor_pb2 import DescriptorProto
from google.protobuf.descriptor_pb2 import EnumDescriptorProto
from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pb2 import MethodDescriptorProto
from google.protobuf.descriptor_pb2 import ServiceDescriptorProto
from grpc_tools import protoc

from publishing.text import link
from publishing.text import page
from publishing.text import table

PROTO = Path(__file__).resolve().parents[2] / "proto"
# Numbers of the fields of FileDescriptorProto and its parts, which make up the path of a comment.
_MESSAGES, _ENUMS, _SERVICES, _MEMBERS = 4, 5, 6, 2
_INTRODUCTION = """
Made by `scripts/contracts.py` from [solvers.proto](../../proto/graftwork/v1/solvers.proto). Pods serve reflection and
the gRPC health service beside it. What would break a caller or a pod of an earlier release is refused by `make proto`.
"""
Comments = Mapping[tuple[int, ...], str]


def grpc_page(file: FileDescriptorProto) -> str:
    """The whole page."""
    comments = {tuple(each.path): each.leading_comments.strip("\n") for each in file.source_code_info.location}
    return page(
        "# gRPC",
        _INTRODUCTION,
        f"Package `{file.package}`.",
        *(_service(each, (_SERVICES, index), comments) for index, each in enumerate(file.service)),
        "## Messages",
        *(_message(each, (_MESSAGES, index), comments) for index, each in enumerate(file.message_type)),
        "## Enumerations",
        *(_enum(each, (_ENUMS, index), comments) for index, each in enumerate(file.enum_type)),
    )


def compiled(proto: Path = PROTO) -> FileDescriptorProto:
    """The contract with its comments. Raises ``ValueError`` where protoc refuses it."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch, "descriptors")
        told = [f"--proto_path={proto}", f"--descriptor_set_out={out}", "--include_source_info"]
        if protoc.main(["protoc", *told, "graftwork/v1/solvers.proto"]):
            raise ValueError(f"protoc refuses {proto}")
        (file,) = FileDescriptorSet.FromString(out.read_bytes()).file
        return file


def _service(service: ServiceDescriptorProto, path: tuple[int, ...], comments: Comments) -> str:
    calls = (_call(each, (*path, _MEMBERS, index), comments) for index, each in enumerate(service.method))
    told = _prose(comments.get(path, ""))
    return page(f"## {service.name}", told, table(("call", "asks with", "answers with", "meaning"), calls))


def _call(method: MethodDescriptorProto, path: tuple[int, ...], comments: Comments) -> tuple[str, ...]:
    asked = _stream(method.input_type, streams=method.client_streaming)
    answered = _stream(method.output_type, streams=method.server_streaming)
    return f"`{method.name}`", asked, answered, comments.get(path, "")


def _stream(kind: str, *, streams: bool) -> str:
    return ("stream of " if streams else "") + link(_short(kind))


def _message(message: DescriptorProto, path: tuple[int, ...], comments: Comments) -> str:
    fields = (_field(each, (*path, _MEMBERS, index), comments) for index, each in enumerate(message.field))
    told = table(("number", "field", "type", "meaning"), fields)
    return page(f"### {message.name}", _prose(comments.get(path, "")), told)


def _field(field: FieldDescriptorProto, path: tuple[int, ...], comments: Comments) -> tuple[str, ...]:
    return str(field.number), f"`{field.name}`", _label(field) + _kind(field), comments.get(path, "")


def _label(field: FieldDescriptorProto) -> str:
    if field.label == FieldDescriptorProto.LABEL_REPEATED:
        return "list of "
    return "optional " if field.proto3_optional else ""


def _kind(field: FieldDescriptorProto) -> str:
    if field.type_name:
        return link(_short(field.type_name))
    return FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()


def _enum(enum: EnumDescriptorProto, path: tuple[int, ...], comments: Comments) -> str:
    values = (
        (str(each.number), f"`{each.name}`", comments.get((*path, _MEMBERS, index), ""))
        for index, each in enumerate(enum.value)
    )
    return page(f"### {enum.name}", _prose(comments.get(path, "")), table(("number", "value", "meaning"), values))


def _prose(comment: str) -> str:
    return "\n".join(_lines(comment))


def _lines(comment: str) -> Iterator[str]:
    """Indented lines are a list in the proto file: they keep their form."""
    lines = [line.removeprefix(" ") for line in comment.splitlines()]
    inside = False
    for line in lines:
        if line.startswith("  ") != inside:
            inside = not inside
            yield "\n```text" if inside else "```\n"
        yield line
    if inside:
        yield "```"


def _short(name: str) -> str:
    return name.rpartition(".")[2]

"""Reads a seccomp program as the kernel does, so that a filter can be asked without making the call."""

import platform
import struct
from collections.abc import Sequence

ALLOWED = 0x7FFF0000
KILLED = (0x00000000, 0x80000000)
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def refused_with(errno: int) -> int:
    """Verdict of a call that fails with this number."""
    return 0x00050000 | errno


def verdict(program: bytes, number: int, arguments: Sequence[int] = (), *, machine: str | None = None) -> int:
    """What becomes of the system call ``number`` of this machine's kernel."""
    padded = [*arguments, *[0] * 6][:6]
    data = struct.pack("<iIQ6Q", number, _ARCHITECTURES[machine or platform.machine()], 0, *padded)
    instructions = [struct.unpack_from("<HBBI", program, at) for at in range(0, len(program), 8)]
    accumulator, at = 0, 0
    while True:
        code, if_true, if_false, value = instructions[at]
        at += 1
        match code:
            case 0x20:  # load a word of the data
                [accumulator] = struct.unpack_from("<I", data, value)
            case 0x54:
                accumulator &= value
            case 0x05:
                at += value
            case 0x15:
                at += if_true if accumulator == value else if_false
            case 0x25:
                at += if_true if accumulator > value else if_false
            case 0x35:
                at += if_true if accumulator >= value else if_false
            case 0x45:
                at += if_true if accumulator & value else if_false
            case 0x06:
                return int(value)
            case _:
                raise ValueError(f"instruction {code:#x} is not known here")

"""System calls with arguments that could do no harm: refused before the kernel looks at them, or not at all.

A call that is answered with anything but "no such call" or "not permitted" was looked at, and counts as got through.
Behind gVisor the kernel that looks is the guest's own, a program of an unprivileged user without files or network.
"""

import errno
import platform

from tests.support.probes import Line
from tests.support.probes import Probe

REFUSALS = (errno.EPERM, errno.EACCES, errno.ENOSYS)
_X86_64 = {
    "clone": 56, "ptrace": 101, "personality": 135, "setuid": 105, "pivot_root": 155, "prctl": 157, "chroot": 161,
    "mount": 165, "umount2": 166, "init_module": 175, "delete_module": 176, "kexec_load": 246, "add_key": 248,
    "request_key": 249, "keyctl": 250, "unshare": 272, "perf_event_open": 298, "name_to_handle_at": 303,
    "open_by_handle_at": 304, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312,
    "finit_module": 313, "memfd_create": 319, "kexec_file_load": 320, "bpf": 321, "execveat": 322, "userfaultfd": 323,
    "ioctl": 16, "io_uring_setup": 425, "fsopen": 430, "pidfd_open": 434, "clone3": 435, "pidfd_getfd": 438,
    "landlock_create_ruleset": 444,
}  # fmt: skip
_AARCH64 = {
    "clone": 220, "ptrace": 117, "personality": 92, "setuid": 146, "pivot_root": 41, "prctl": 167, "chroot": 51,
    "mount": 40, "umount2": 39, "init_module": 105, "delete_module": 106, "kexec_load": 104, "add_key": 217,
    "request_key": 218, "keyctl": 219, "unshare": 97, "perf_event_open": 241, "name_to_handle_at": 264,
    "open_by_handle_at": 265, "setns": 268, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272,
    "finit_module": 273, "memfd_create": 279, "kexec_file_load": 294, "bpf": 280, "execveat": 281, "userfaultfd": 282,
    "ioctl": 29, "io_uring_setup": 425, "fsopen": 430, "pidfd_open": 434, "clone3": 435, "pidfd_getfd": 438,
    "landlock_create_ruleset": 444,
}  # fmt: skip
NUMBERS = _AARCH64 if platform.machine() == "aarch64" else _X86_64
_CLONE_NEWUSER, _CLONE_FS = 0x10000000, 0x200
_TIOCSTI, _GET_NO_NEW_PRIVILEGES = 0x5412, 39
CALLS: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("unshare(NEWUSER)", "unshare", (_CLONE_NEWUSER,)),
    ("clone(NEWUSER), with flags that do not go together", "clone", (_CLONE_NEWUSER | _CLONE_FS, 0, 0, 0, 0)),
    ("clone3", "clone3", (0, 0)),
    ("setns", "setns", (-1, 0)),
    ("mount of nothing", "mount", (0, 0, 0, 0, 0)),
    ("umount of nothing", "umount2", (0, 0)),
    ("fsopen", "fsopen", (0, 0)),
    ("pivot_root", "pivot_root", (0, 0)),
    ("chroot", "chroot", (0,)),
    ("bpf", "bpf", (-1, 0, 0)),
    ("io_uring", "io_uring_setup", (0, 0)),
    ("userfaultfd", "userfaultfd", (-1,)),
    ("perf_event_open", "perf_event_open", (0, 0, -1, -1, 0)),
    ("add_key", "add_key", (0, 0, 0, 0, 0)),
    ("request_key", "request_key", (0, 0, 0, 0)),
    ("keyctl", "keyctl", (9999, 0, 0, 0, 0)),
    ("ptrace of nobody", "ptrace", (16, 2**22 + 1, 0, 0)),
    ("process_vm_readv of nobody", "process_vm_readv", (2**22 + 1, 0, 0, 0, 0, 0)),
    ("process_vm_writev of nobody", "process_vm_writev", (2**22 + 1, 0, 0, 0, 0, 0)),
    ("pidfd_open of nobody", "pidfd_open", (2**22 + 1, 0)),
    ("pidfd_getfd", "pidfd_getfd", (-1, 0, 0)),
    ("kcmp", "kcmp", (2**22 + 1, 2**22 + 1, 0, 0, 0)),
    ("kexec of nothing", "kexec_load", (0, 0, 0, 1 << 40)),
    ("kexec of no file", "kexec_file_load", (-1, -1, 0, 0, 1 << 40)),
    ("init_module of nothing", "init_module", (0, 0, 0)),
    ("finit_module of no file", "finit_module", (-1, 0, 1 << 20)),
    ("delete_module of none", "delete_module", (0, 0)),
    ("open_by_handle_at", "open_by_handle_at", (-1, 0, 0)),
    ("personality, asked for", "personality", (0xFFFFFFFF,)),
    ("TIOCSTI", "ioctl", (0, _TIOCSTI, 0)),
    ("memfd_create", "memfd_create", (0, -1)),
    ("execveat of no file", "execveat", (-1, 0, 0, 0, 0x1000)),
    ("setuid(0)", "setuid", (0,)),
)
"""Name, system call, arguments."""


def called(name: str, call: str, arguments: tuple[int, ...]) -> Probe:
    """Make the call; it gets through unless it is refused."""
    body = (
        """import ctypes
libc = ctypes.CDLL(None, use_errno=True)
"""
        f"""given = [ctypes.c_long(n) for n in {(NUMBERS[call], *arguments)}]
"""
        """answer = libc.syscall(*given)
"""
        f"return answer >= 0 or ctypes.get_errno() not in {REFUSALS}"
    )
    return Probe(name, body, native=True, guest=True, alone=call == "unshare")


LINE = Line(
    "Kernel",
    (
        *(called(*call) for call in CALLS),
        Probe(
            "no_new_privs is off",
            f"""import ctypes
libc = ctypes.CDLL(None, use_errno=True)
return libc.syscall({NUMBERS["prctl"]}, {_GET_NO_NEW_PRIVILEGES}, 0, 0, 0, 0) == 0""",
            native=True,
        ),
        Probe(
            "memfd and fexecve",
            """import os
fd = os.memfd_create('x')
try:
    os.write(fd, b'\\x7fELF')
    os.execve(fd, ['x'], {})
finally:
    os.close(fd)""",
        ),
        Probe(
            "inherited descriptors",
            """import os, stat
found = []
for n in range(64):
    try:
        mode = os.fstat(n).st_mode
    except OSError:
        continue
    if not stat.S_ISFIFO(mode):
        found.append((n, mode))
return found""",
        ),
        Probe(
            "root's ids",
            """import os
return 0 in (*os.getresuid(), *os.getresgid(), *os.getgroups())""",
        ),
        Probe(
            "setuid, setgroups",
            """import os
for call in (os.setgroups, lambda _: os.setgid(0), lambda _: os.setuid(0)):
    call([0])
return True""",
        ),
        Probe(
            "signals to everybody",
            """import os
os.kill(-1, 0)
return True""",
            guest=True,
        ),
        Probe(
            "signals to the runner",
            """import os
os.kill(seed['pid'], 0)
return True""",
            control=True,
        ),
        Probe(
            "scheduling",
            """import os
os.sched_setaffinity(seed['pid'], {0})
os.setpriority(os.PRIO_PROCESS, seed['pid'], 0)
return True""",
        ),
        Probe(
            "the host's name, changed",
            """import socket
socket.sethostname('taken')
return socket.gethostname() == 'taken'""",
        ),
        Probe(
            "os.chroot",
            """import os
os.chroot('/')
return True""",
        ),
    ),
)

"""The system calls that a program behind a wall may make: those of computing; to any other, there is no such call.

An allow list: a call that a later kernel adds is refused until someone has thought about it. It lets a program read
files, compute in threads and talk over descriptors it was given or made itself. It has no call that makes a process, a
namespace, or a socket to anywhere; that removes or renames a file; that asks for keys, for other processes, for
devices; that loads code into the kernel (bpf, modules) or works behind the filter's back (io_uring).

It does not keep a program from running code of its own: memory may be made executable (``mmap``, ``mprotect``) and
``execve`` starts whatever can be reached. What can be reached is the root's to say, which is read-only and holds
nothing but the program, what it reads and their libraries. A file can be opened to be written or made (``openat`` is
one call for all), and again it is the root that has no place for it.
"""

import importlib
import os
from functools import cache
from typing import Any

from graftwork_runner.errors import WallDown

_ALLOWED = """
    access alarm arch_prctl brk clock_getres clock_gettime clock_nanosleep close close_range dup dup2 dup3
    epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_wait eventfd2 execve exit exit_group faccessat faccessat2
    fadvise64 fcntl fstat fstatfs futex getcpu getcwd getdents getdents64 getegid geteuid getgid getgroups getitimer
    getpgid getpgrp getpid getppid getrandom getresgid getresuid getrlimit get_robust_list getrusage getsid
    getsockname getsockopt gettid gettimeofday getuid lseek lstat madvise membarrier mincore mmap mprotect mremap
    munmap nanosleep newfstatat open openat pause pipe pipe2 poll ppoll pread64 preadv preadv2 prlimit64 pselect6
    pwrite64 pwritev read readlink readlinkat readv recvfrom restart_syscall rseq rt_sigaction rt_sigpending
    rt_sigprocmask rt_sigreturn rt_sigsuspend rt_sigtimedwait sched_getaffinity sched_getparam sched_getscheduler
    sched_get_priority_max sched_get_priority_min sched_yield select set_robust_list set_tid_address setitimer
    setrlimit shutdown sigaltstack stat statfs statx sysinfo tgkill time times ugetrlimit umask uname wait4 waitid
    write writev
"""
_NO_SUCH_CALL = 38
_NAMESPACES = 0x7E020080
_THREAD = 0x00010000
_ASK_OF_DESCRIPTORS = (0x5401, 0x541B, 0x5421, 0x5450, 0x5451)  # TCGETS, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX
_OWN_NAME_AND_MEMORY = (15, 16, 23, 0x53564D41)  # PR_SET_NAME, PR_GET_NAME, PR_CAPBSET_READ, PR_SET_VMA
_UNIX = 1


@cache
def compiled_filter() -> bytes:
    """Program for seccomp, of this machine's architecture. Raises ``WallDown`` without libseccomp."""
    seccomp = libseccomp()
    rules = seccomp.SyscallFilter(seccomp.ERRNO(_NO_SUCH_CALL))
    for name in _ALLOWED.split():
        _allow(seccomp, rules, name)
    # a new thread of the same process; fork would be without the flag, a container with one of the others
    _allow(seccomp, rules, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, _THREAD | _NAMESPACES, _THREAD))
    for request in _ASK_OF_DESCRIPTORS:
        _allow(seccomp, rules, "ioctl", seccomp.Arg(1, seccomp.EQ, request))
    for option in _OWN_NAME_AND_MEMORY:
        _allow(seccomp, rules, "prctl", seccomp.Arg(0, seccomp.EQ, option))
    # event loops wake themselves through a pair of sockets; without an address, it leads nowhere else
    _allow(seccomp, rules, "socketpair", seccomp.Arg(0, seccomp.EQ, _UNIX))
    _allow(seccomp, rules, "sendto", seccomp.Arg(4, seccomp.EQ, 0))
    return _exported(rules)


def libseccomp() -> Any:
    """Its binding, which has no types. Raises ``WallDown`` if the library is not there."""
    try:
        return importlib.import_module("pyseccomp")
    except (ImportError, RuntimeError, OSError) as error:
        raise WallDown(f"libseccomp cannot be used: {error}") from error


def _allow(seccomp: Any, rules: Any, name: str, *conditions: Any) -> None:
    """Calls that the architecture has not (``open`` on arm64) are negative pseudo numbers, which libseccomp skips."""
    rules.add_rule(seccomp.ALLOW, name, *conditions)


def _exported(rules: Any) -> bytes:
    with os.fdopen(os.memfd_create("filter"), "w+b") as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()

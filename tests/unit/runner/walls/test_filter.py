"""Which system calls the filter lets through. It is read, not tried: nothing is called."""

import errno
import platform
from pathlib import Path

import pytest

from graftwork_runner.errors import WallDown
from graftwork_runner.walls.filter import compiled_filter
from graftwork_runner.walls.filter import libseccomp
from graftwork_runner.walls.libraries import libraries_of
from graftwork_runner.walls.tools import tool
from tests.support.bpf import ALLOWED
from tests.support.bpf import KILLED
from tests.support.bpf import refused_with
from tests.support.bpf import verdict

try:
    seccomp = libseccomp()
except WallDown as error:
    pytest.skip(str(error), allow_module_level=True)
REFUSED = refused_with(errno.ENOSYS)
DANGEROUS = """
    mount umount2 pivot_root move_mount fsopen fsmount fsconfig open_tree chroot unshare setns clone3 fork vfork
    bpf io_uring_setup io_uring_enter io_uring_register userfaultfd perf_event_open add_key request_key keyctl
    ptrace process_vm_readv process_vm_writev pidfd_open pidfd_getfd kcmp kexec_load kexec_file_load init_module
    finit_module delete_module open_by_handle_at name_to_handle_at personality memfd_create execveat
    socket bind connect listen accept accept4 sendmsg sendmmsg setsockopt creat mkdir mkdirat mknod mknodat link
    linkat symlink symlinkat rename renameat renameat2 unlink unlinkat rmdir truncate ftruncate chmod fchmod fchmodat
    chown fchown setxattr utimensat kill tkill setuid setgid setresuid setgroups capset seccomp sethostname swapon
    reboot syslog acct quotactl iopl ioperm modify_ldt nfsservctl fanotify_init inotify_init1 shmget shmat msgget semget
    mq_open mbind migrate_pages move_pages set_mempolicy sched_setaffinity sched_setattr settimeofday clock_settime
    adjtimex ioprio_set splice vmsplice tee copy_file_range process_madvise landlock_create_ruleset
"""
CLONE_THREAD, CLONE_NEWUSER, CLONE_NEWNS = 0x10000, 0x10000000, 0x20000
FLAGS_OF_A_THREAD = 0x3D0F00
TCGETS, TIOCSTI, TIOCLINUX = 0x5401, 0x5412, 0x541C
AF_UNIX, AF_INET, AF_NETLINK = 1, 2, 16
PR_SET_NAME, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_MM = 15, 4, 22, 35


def number(name: str) -> int:
    """Number of a call; negative if this architecture, or the library, has none of that name."""
    try:
        return int(seccomp.resolve_syscall(seccomp.Arch.NATIVE, name))
    except ValueError:
        return -1


def of(name: str, *arguments: int) -> int:
    return verdict(compiled_filter(), number(name), arguments)


@pytest.mark.parametrize("name", DANGEROUS.split())
def test_what_is_not_computing_does_not_exist(name: str) -> None:
    if number(name) < 0:
        pytest.skip(f"this machine has no {name}")
    for arguments in ([], [0xFFFFFFFF] * 6, [CLONE_THREAD] * 6):
        assert of(name, *arguments) == REFUSED


@pytest.mark.parametrize("name", ["read", "write", "mmap", "futex", "clock_gettime", "exit_group", "openat", "execve"])
def test_computing_goes_on(name: str) -> None:
    assert of(name) == ALLOWED


def test_a_call_that_nobody_has_heard_of_is_refused() -> None:
    assert {verdict(compiled_filter(), unknown) for unknown in range(500, 2_000)} == {REFUSED}


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (FLAGS_OF_A_THREAD, ALLOWED),
        (0x11, REFUSED),
        (0x01200011, REFUSED),
        (FLAGS_OF_A_THREAD | CLONE_NEWUSER, REFUSED),
        (FLAGS_OF_A_THREAD | CLONE_NEWNS, REFUSED),
        (CLONE_NEWUSER, REFUSED),
    ],
)
def test_threads_are_made_and_processes_are_not(flags: int, expected: int) -> None:
    assert of("clone", flags) == expected


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("ioctl", (0, TCGETS), ALLOWED),
        ("ioctl", (0, TIOCSTI), REFUSED),
        ("ioctl", (0, TIOCLINUX), REFUSED),
        ("ioctl", (0, TIOCSTI | 1 << 32), REFUSED),
        ("prctl", (PR_SET_NAME,), ALLOWED),
        ("prctl", (PR_SET_DUMPABLE,), REFUSED),
        ("prctl", (PR_SET_SECCOMP,), REFUSED),
        ("prctl", (PR_SET_MM,), REFUSED),
        ("socketpair", (AF_UNIX,), ALLOWED),
        ("socketpair", (AF_INET,), REFUSED),
        ("socketpair", (AF_NETLINK,), REFUSED),
        ("sendto", (3, 0, 0, 0, 0), ALLOWED),
        ("sendto", (3, 0, 0, 0, 0x7FFF0000), REFUSED),
    ],
)
def test_some_calls_depend_on_what_is_asked(name: str, arguments: tuple[int, ...], expected: int) -> None:
    assert of(name, *arguments) == expected


@pytest.mark.skipif(platform.machine() != "x86_64", reason="two more doors into the kernel of x86_64")
def test_other_doors_into_the_kernel_kill() -> None:
    x32 = 0x40000000
    assert verdict(compiled_filter(), x32 | number("read")) in KILLED
    assert verdict(compiled_filter(), number("read"), machine="aarch64") in KILLED


def test_a_program_is_shown_with_its_libraries_and_the_loader() -> None:
    names = [library.name.split(".so")[0].split("-")[0] for library in libraries_of([Path(tool("cat"))])]
    assert {"libc", "ld"} <= set(names)


def test_directories_are_searched_for_what_needs_libraries(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "program").write_bytes(Path(tool("cat")).read_bytes())
    (tmp_path / "deep" / "program").chmod(0o755)
    (tmp_path / "text").write_text("\x7fEL")
    assert libraries_of([tmp_path]) == libraries_of([Path(tool("cat"))])


def test_scripts_and_texts_need_none(tmp_path: Path) -> None:
    (tmp_path / "script").write_text("#!/bin/sh\n")
    assert libraries_of([tmp_path, tmp_path / "script"]) == []


def test_a_tool_that_is_not_there_is_named() -> None:
    with pytest.raises(WallDown, match=r"^this machine has no `no-such-tool`$"):
        tool("no-such-tool")

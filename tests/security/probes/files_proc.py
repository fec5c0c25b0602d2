"""The kernel's own files: of other processes, of itself, of devices."""

from tests.support.probes import Line
from tests.support.probes import Probe


def of_process(name: str, body: str, *, control: bool = True) -> Probe:
    """``body`` for each ``p`` of: the first process, this one, the runner."""
    whole = f"""import os
found = []
for p in ('1', 'self', 'thread-self', str(seed['pid'])):
    try:
        {body}
    except (OSError, ValueError):
        pass
return found"""
    return Probe(name, whole, control=control)


def opened(name: str, *paths: str, guest: bool = False) -> Probe:
    """Open for writing, and close; nothing is written."""
    body = f"""import os
found = []
for path in {paths}:
    try:
        os.close(os.open(path, os.O_WRONLY))
        found.append(path)
    except OSError:
        pass
return found"""
    return Probe(name, body, guest=guest)


def there(name: str, *paths: str, guest: bool = False) -> Probe:
    """Whether any of these exists."""
    return Probe(
        name,
        f"""import os
return [p for p in {paths} if os.path.exists(p)]""",
        guest=guest,
    )


LINE = Line(
    "Files: of the kernel",
    (
        of_process(
            "/proc/*/environ",
            "found += [x for x in open(f'/proc/{p}/environ').read().split('\\0') if seed['variable'] in x]",
        ),
        of_process("/proc/*/root", "found.append(open(f'/proc/{p}/root' + seed['file']).read())"),
        of_process("/proc/*/cwd", "found.append(open(f'/proc/{p}/cwd' + '/..' * 9 + seed['file']).read())"),
        of_process(
            "/proc/*/fd",
            "found += [n for n in os.listdir(f'/proc/{p}/fd') if os.path.isfile(f'/proc/{p}/fd/{n}')]",
            control=False,
        ),
        of_process(
            "/proc/*/maps",
            "found += [x for x in open(f'/proc/{p}/maps') if 'site-packages' in x or 'runsc' in x]",
            control=False,
        ),
        Probe(
            "/proc/*/mem",
            """import os
found = []
for p in (1, seed['pid']):
    try:
        os.close(os.open(f'/proc/{p}/mem', os.O_RDONLY))
        found.append(p)
    except OSError:
        pass
if seed['pid'] in found:
    return open(seed['file']).read()
return found""",
            guest=True,
        ),
        Probe(
            "/proc of the runner",
            """import os
return os.path.exists('/proc/' + str(seed['pid']) + '/status')""",
            control=True,
        ),
        Probe(
            "/proc: other programs",
            """import glob
lines = [open(path).read() for path in glob.glob('/proc/[0-9]*/cmdline')]
return [x for x in lines if 'pytest' in x or 'runsc' in x or 'bwrap' in x]""",
            control=False,
        ),
        opened(
            "/proc/sys/kernel/core_pattern",
            "/proc/sys/kernel/core_pattern",
            "/proc/sys/kernel/modprobe",
            "/proc/sys/kernel/hotplug",
        ),
        opened("/proc/sysrq-trigger, kcore", "/proc/sysrq-trigger", "/proc/kcore", "/proc/kmem", "/proc/kallsyms"),
        Probe(
            "cgroup release_agent",
            """import glob, os
found = []
for path in [*glob.glob('/sys/fs/cgroup/*'), *glob.glob('/sys/fs/cgroup/*/*')]:
    if os.path.basename(path) in ('release_agent', 'cgroup.procs', 'memory.max', 'pids.max'):
        try:
            os.close(os.open(path, os.O_WRONLY))
            found.append(path)
        except OSError:
            pass
return found""",
        ),
        opened(
            "/dev: memory, kvm, disks, fuse",
            "/dev/mem",
            "/dev/kmem",
            "/dev/port",
            "/dev/kvm",
            "/dev/vda",
            "/dev/sda",
            "/dev/vhost-vsock",
            "/dev/loop-control",
            "/dev/mapper/control",
        ),
        opened("/dev: fuse, tun", "/dev/fuse", "/dev/net/tun", guest=True),
        there("GPU devices", "/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/dri", "/dev/kfd"),
        Probe(
            "shared memory of the machine",
            """import os
return os.path.exists('/dev/shm/' + os.path.basename(seed['home']))""",
        ),
        Probe(
            "uname names the machine",
            """import os
return os.uname().nodename == seed['node']""",
            control=True,
            guest=True,
        ),
    ),
)

"""What is written: it should reach no disk of this machine, and harm nobody who opens it."""

from tests.support.probes import Line
from tests.support.probes import Probe

AT_HOME = """import os
out = seed['drop'] + '/out'
"""


def written(name: str, body: str, *, control: bool = True, guest: bool = False) -> Probe:
    """``body`` makes ``out`` in a directory where everybody on the machine may write."""
    return Probe(
        name,
        AT_HOME
        + body
        + """
return os.path.lexists(out)""",
        control=control,
        guest=guest,
    )


def inside(name: str, file: str, body: str) -> Probe:
    """The same, anywhere inside."""
    places = """import os
found = []
for place in ('/tmp', '/dev/shm', '/var/tmp', '/', '.'):
    out = os.path.join(place, '{}')
    try:
        {}
        found.append(out)
    except OSError:
        pass
return found"""
    return Probe(name, places.format(file, body), guest=True)


LINE = Line(
    "Files: written",
    (
        written("a symlink as output", "os.symlink(seed['file'], out)"),
        written("a hard link as output", "os.link(seed['file'], out)"),
        written("a FIFO as output", "os.mkfifo(out)"),
        written("a device as output", "os.mknod(out, 0o20666, os.makedev(1, 3))", control=False),
        written(
            "a name with a newline",
            """out += '\\n::set-output'
open(out, 'w').close()""",
        ),
        written("a sparse file of 1 TB", "os.truncate(os.open(out, os.O_CREAT | os.O_WRONLY), 1 << 40)", control=False),
        Probe(
            "absolute paths in an archive",
            """import io, tarfile
box = io.BytesIO()
with tarfile.open(fileobj=box, mode='w') as made:
    made.addfile(tarfile.TarInfo(seed['drop'] + '/out'))
box.seek(0)
with tarfile.open(fileobj=box) as opened:
    opened.extractall('/')
import os
return os.path.exists(seed['drop'] + '/out')""",
            guest=True,
        ),
        Probe(
            "'..' in an archive",
            """import io, tarfile
box = io.BytesIO()
with tarfile.open(fileobj=box, mode='w') as made:
    made.addfile(tarfile.TarInfo('../' * 9 + seed['drop'] + '/out'))
box.seek(0)
with tarfile.open(fileobj=box) as opened:
    opened.extractall(seed['drop'])
import os
return os.path.exists(seed['drop'] + '/out')""",
            guest=True,
        ),
        Probe(
            "a setuid bit",
            """import os
os.chmod(seed['file'], 0o4755)
return os.stat(seed['file']).st_mode""",
            control=True,
        ),
        Probe(
            "a setuid bit on what there is",
            """import os, sys
found = []
for path in (os.__file__, *sys.path, '/bin', '/usr'):
    try:
        os.chmod(path, 0o6777)
        found.append(path)
    except OSError:
        pass
return found""",
            then="""import os, sys
return [p for p in (os.__file__, *sys.path) if os.path.exists(p) and os.stat(p).st_mode & 0o6222]""",
            guest=True,
        ),
        Probe(
            "the interpreter, changed",
            """import os, sys
found = []
for module in [*sys.modules.values()]:
    try:
        os.close(os.open(module.__file__, os.O_WRONLY))
        found.append(module.__file__)
    except (AttributeError, TypeError, OSError):
        pass
return found""",
        ),
        Probe(
            "the interpreter, removed",
            """import os
os.unlink(os.__file__ + '.nothing')
return True""",
        ),
        inside("a file inside", "file", "os.close(os.open(out, os.O_CREAT | os.O_WRONLY))"),
        inside("a megabyte inside", "big", "os.write(os.open(out, os.O_CREAT | os.O_WRONLY), bytes(1 << 20))"),
        inside("a link inside", "link", "os.symlink('/etc/passwd', out)"),
        Probe(
            "many files inside",
            """import os
made = 0
for place in ('/tmp', '/dev/shm', '/'):
    for n in range(200):
        try:
            os.close(os.open(f'{place}/{n}', os.O_CREAT | os.O_WRONLY))
            made += 1
        except OSError:
            break
return made""",
            alone=True,
            guest=True,
        ),
    ),
)

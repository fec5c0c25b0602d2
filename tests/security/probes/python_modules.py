"""Modules that give more than a language: machine code, other processes, debuggers."""

from tests.security.probes.python_reach import TAKE
from tests.support.probes import Line
from tests.support.probes import Probe

LINE = Line(
    "Python: modules",
    (
        Probe(
            "ctypes",
            """import ctypes
libc = ctypes.CDLL(None)
libc.getenv.restype = ctypes.c_char_p
return (libc.getenv(seed['variable'].encode()) or b'').decode()""",
            control=True,
            native=True,
        ),
        Probe(
            "_ctypes",
            """import _ctypes
return _ctypes.dlopen(None, 0) and _ctypes.__file__.startswith(seed['home'])""",
        ),
        Probe(
            "cffi",
            """import cffi
return bool(cffi.FFI().dlopen(None))""",
        ),
        Probe(
            "_posixsubprocess.fork_exec",
            """import _posixsubprocess, os
(r, w), (er, ew) = os.pipe(), os.pipe()
_posixsubprocess.fork_exec(
    [b'/bin/cat', seed['file'].encode()], [b'/bin/cat'], True, (ew,), None, None,
    -1, -1, r, w, -1, -1, er, ew, True, False, -1, None, None, None, -1, None, False,
)
os.close(w)
return os.read(r, 99).decode()""",
            control=True,
            guest=True,
        ),
        Probe(
            "os.posix_spawn",
            """import os
r, w = os.pipe()
os.posix_spawn('/bin/cat', ['/bin/cat', seed['file']], {}, file_actions=[(os.POSIX_SPAWN_DUP2, w, 1)])
os.close(w)
return os.read(r, 99).decode()""",
            control=True,
        ),
        Probe(
            "os.system",
            """import os
return os.system('exit 3') == 3 << 8""",
            control=True,
        ),
        Probe(
            "subprocess",
            """import subprocess
return subprocess.run(['/bin/cat', seed['file']], capture_output=True).stdout.decode()""",
            control=True,
        ),
        Probe(
            "multiprocessing",
            """import multiprocessing
return multiprocessing.get_context('fork').Process(target=int).start() is None""",
        ),
        Probe(
            "os.execv",
            """import os
os.execv('/bin/cat', ['cat', seed['file']])""",
            alone=True,
        ),
        Probe(
            "ExtensionFileLoader",
            """import importlib.machinery, importlib.util
spec = importlib.util.spec_from_file_location(seed['extension'].split('/')[-1].split('.')[0], seed['extension'])
return importlib.util.module_from_spec(spec).__file__""",
            control=True,
        ),
        Probe(
            "marshal",
            """import marshal
scope = {}
exec(marshal.loads(marshal.dumps(compile('import os', 'x', 'exec'))), scope)
os = scope['os']"""
            + TAKE,
            control=True,
        ),
        Probe(
            "types.CodeType",
            """import types
def f():
    import os
    return os
os = types.FunctionType(f.__code__.replace(co_name='g'), {'__builtins__': __builtins__})()"""
            + TAKE,
            control=True,
        ),
        Probe(
            "broken bytecode",
            """def f():
    pass
f.__code__ = f.__code__.replace(co_code=bytes([100, 255, 83, 0]))
return f()""",
            alone=True,
        ),
        Probe(
            "code.InteractiveInterpreter",
            """import code
scope = {}
code.InteractiveInterpreter(scope).runsource('import os')
os = scope['os']"""
            + TAKE,
            control=True,
        ),
        Probe(
            "pdb",
            """import pdb
os = pdb.os"""
            + TAKE,
            control=True,
        ),
        Probe(
            "inspect of a module's source",
            """import inspect, random
os = inspect.getmodule(random.Random)._os"""
            + TAKE,
            control=True,
        ),
        Probe(
            "linecache",
            """import linecache
return linecache.getlines(seed['file'])""",
            control=True,
        ),
        Probe(
            "fileinput",
            """import fileinput
return [*fileinput.input(seed['file'])]""",
            control=True,
        ),
        Probe(
            "tokenize.open",
            """import tokenize
return tokenize.open(seed['file']).read()""",
            control=True,
        ),
        Probe(
            "mmap",
            """import mmap, os
return mmap.mmap(os.open(seed['file'], 2), 0).read().decode()""",
            control=True,
        ),
        Probe(
            "pickle of a call",
            """import pickle
class Bad:
    def __reduce__(self):
        import os
        return os.getenv, (seed['variable'],)
return pickle.loads(pickle.dumps(Bad()))""",
            control=True,
        ),
        Probe(
            "code of the runner",
            """import graftwork_runner.checks
return graftwork_runner.checks.__file__""",
        ),
        Probe(
            "urllib with a file",
            """import urllib.request
return urllib.request.urlopen('file://' + seed['file']).read().decode()""",
            control=True,
        ),
        Probe(
            "resource: limits raised",
            """import resource
for name in ('RLIMIT_AS', 'RLIMIT_NPROC', 'RLIMIT_NOFILE', 'RLIMIT_FSIZE'):
    resource.setrlimit(getattr(resource, name), (-1, -1))
return True""",
        ),
    ),
)

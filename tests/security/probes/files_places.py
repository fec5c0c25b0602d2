"""Places where secrets lie."""

from tests.support.probes import Line
from tests.support.probes import Probe

LINE = Line(
    "Files: of people and platforms",
    (
        Probe(
            "sockets of container engines",
            """import os
engines = ('docker.sock', 'containerd/containerd.sock', 'crio/crio.sock', 'podman/podman.sock')
places = [f'{run}/{engine}' for run in ('/run', '/var/run') for engine in engines]
return [p for p in (*places, seed['socket']) if os.path.exists(p)]""",
            control=True,
        ),
        Probe(
            "the token of a service account",
            """import os
return [p for p in ('/var/run/secrets/kubernetes.io', '/run/secrets', '/var/run/secrets') if os.path.exists(p)]""",
        ),
        Probe(
            "keys of people",
            """import os
found = []
for home in (seed['home'], os.path.expanduser('~'), '/root', '/home'):
    found += [name for name in seed['home_secrets'] if os.path.exists(os.path.join(home, name))]
return found""",
            control=True,
        ),
        Probe(
            "accounts",
            """names = ('passwd', 'shadow', 'hostname', 'resolv.conf')
return [line for name in names for line in open(f'/etc/{name}')]""",
        ),
        Probe(
            "accounts, through the library",
            """import pwd
return pwd.getpwuid(0).pw_name""",
            control=True,
        ),
        Probe(
            "the root directory",
            """import os
return [n for n in os.listdir('/') if n in ('root', 'home', 'work', 'etc', 'var', 'srv', 'boot', 'run', 'opt')]""",
            control=True,
        ),
        Probe(
            "up from here",
            """import os
found = []
for _ in range(9):
    os.chdir('..')
    found += [n for n in os.listdir('.') if n in ('home', 'etc', 'var')]
return found""",
            alone=True,
            control=True,
        ),
        Probe(
            "a file by any path",
            """import os
return os.path.realpath(seed['file']) == seed['file'] and os.path.exists(seed['file'])""",
            control=True,
        ),
        Probe(
            "os.walk for secrets",
            """import os
names = {'credentials', 'id_rsa', '.netrc', '.env', 'shadow'}
return [f for d, _, files in os.walk('/') for f in files if f in names]""",
        ),
    ),
)

#!/usr/bin/env python3
"""Runs the install steps of every image as plain commands, so that the Dockerfile cannot rot where nobody has a Docker.

Each service is installed into an environment of its own by what the Dockerfile runs, and its modules are imported
there. What went well is remembered in deploy/images.verified, which is committed: the digest of all that a service's
image is installed from. A service whose digest is there is skipped; ``--force`` skips none. With CI=true, which every
CI says of itself, what had to be installed is an error once it is installed: the file that says so is to be committed.
"""

import argparse
import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERIFIED = ROOT / "deploy" / "images.verified"
OF_ALL = ("Dockerfile", ".dockerignore", "constraints.txt", "scripts/image-install", "scripts/image-packages")
_NOT_INSTALLED = {"__pycache__"}


def services() -> list[str]:
    """Every service, which is to say every image."""
    return sorted(path.parent.name for path in (ROOT / "services").glob("*/pyproject.toml"))


def digest(service: str) -> str:
    """Of all that the image is installed from: steps, requirements, and what the code wants of them."""
    folders = [ROOT / "graftwork", ROOT / "services" / service / f"graftwork_{service}"]
    wanted = {
        "files": [hashlib.sha256((ROOT / name).read_bytes()).hexdigest() for name in OF_ALL],
        "projects": [_project(ROOT), _project(ROOT / "services" / service)],
        "imports": sorted(frozenset().union(*map(_imports, folders))),
        "data": sorted({str(path.relative_to(ROOT)) for folder in folders for path in _data(folder)}),
    }
    return hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()


def _project(folder: Path) -> dict[str, object]:
    """What of a pyproject.toml makes the package."""
    written = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    return {name: written.get(name) for name in ("build-system", "project")} | {
        "hatch": written.get("tool", {}).get("hatch")
    }


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not _NOT_INSTALLED & set(path.parts))


def _data(folder: Path) -> Iterator[Path]:
    """Files that are packed only where somebody says so."""
    return (path for path in _files(folder) if path.suffix != ".py")


@cache
def _imports(folder: Path) -> frozenset[str]:
    """Libraries that somebody has to declare."""
    trees = (ast.parse(path.read_bytes(), str(path)) for path in _files(folder) if path.suffix == ".py")
    modules = {name for tree in trees for node in ast.walk(tree) for name in _modules(node)}
    return frozenset({name.partition(".")[0] for name in modules} - sys.stdlib_module_names)


def _modules(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [one.name for one in names]
        case ast.ImportFrom(module=str(module), level=0):
            return [module]
        case _:
            return []


def install(service: str) -> None:
    """As its image does. Raises ``CalledProcessError``."""
    sys.stderr.write(f"Installing {service} as its image does\n")
    own = ROOT / ".venv" / "bin" / "uv"
    environment = {**os.environ, **({"UV": str(own)} if own.exists() else {})}
    with tempfile.TemporaryDirectory() as scratch:
        command = [str(ROOT / "scripts" / "image-install"), service, f"{scratch}/{service}"]
        subprocess.run(command, check=True, env=environment)  # noqa: S603 - a script of ours


def check_packages() -> None:
    """Whether Debian's packages are still called so, where this is a Debian whose lists were fetched."""
    apt = shutil.which("apt-cache")
    if apt is None or not any(Path("/var/lib/apt/lists").glob("*_Packages*")):
        return
    ask = ROOT / "scripts" / "image-packages"
    told = [subprocess.check_output([ask, service], text=True) for service in services()]  # noqa: S603 - a script of ours
    for package in sorted({name for names in told for name in names.split()}):
        subprocess.run([apt, "show", package], check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - a name of ours


def main() -> None:
    """Install what is not verified, and remember what went well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--force", action="store_true", help="install every service")
    force = parser.parse_args().force
    verified = json.loads(VERIFIED.read_text(encoding="utf-8")) if VERIFIED.exists() else {}
    check_packages()
    stale = [service for service in services() if verified.get(service) != digest(service)]
    for service in services() if force else stale:
        install(service)
        verified[service] = digest(service)
        text = json.dumps({name: verified[name] for name in services() if name in verified}, indent=1)
        VERIFIED.write_text(text + "\n", encoding="utf-8")
    if stale and os.environ.get("CI") == "true":
        sys.exit(
            f"{', '.join(stale)}: not what was verified. Run scripts/check-images, and commit deploy/images.verified"
        )


if __name__ == "__main__":
    main()

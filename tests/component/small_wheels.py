"""Wheels of a few bytes, and the pip of this environment as one: a build in a blink, without an index."""

import sys
from importlib.util import cache_from_source
from pathlib import Path

import pip

from component.archives import write_zip
from component.wheels import Wheel, wheel_at


def write_wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    tags: str = "py3-none-any",
    *,
    license_line: str = "License-Expression: MIT",
) -> Wheel:
    """Write a wheel with one module, which says its version."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{name}-{version}"
    told = f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{license_line}\n"
    files = {
        f"{name}/__init__.py": f'__version__ = "{version}"\n',
        f"{stem}.dist-info/METADATA": told,
        f"{stem}.dist-info/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tags}\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{stem}.dist-info/RECORD"])
    files[f"{stem}.dist-info/RECORD"] = record
    path = folder / f"{stem}-{tags}.whl"
    write_zip(path, {path: text.encode() for path, text in files.items()})
    return wheel_at(path)


def pip_wheel(folder: Path, python: tuple[int, int]) -> Wheel:
    """Write the pip that runs here as the wheel that it came from; compiled, if that is good for a Python."""
    folder.mkdir(parents=True, exist_ok=True)
    package, files = Path(pip.__file__).parent, dict[str, bytes | Path]()
    for path in (*package.rglob("*.py"), *package.rglob("*.pem")):
        compiled = Path(cache_from_source(str(path)))
        name = f"pip/{path.relative_to(package)}"
        if path.suffix == ".py" and python == sys.version_info[:2] and compiled.exists():
            files[f"{name}c"] = compiled
        else:
            files[name] = path
    files[f"pip-{pip.__version__}.dist-info/METADATA"] = f"Name: pip\nVersion: {pip.__version__}\n".encode()
    path = folder / f"pip-{pip.__version__}-py3-none-any.whl"
    write_zip(path, files)
    return wheel_at(path)


def lock_line(*wheels: Wheel, marker: str = "") -> str:
    """Return the line of a lock file that names these wheels of one version."""
    name, version, *_ = wheels[0].path.name.split("-")
    hashes = "".join(f" \\\n    --hash=sha256:{wheel.sha256}" for wheel in wheels)
    return f"{name}=={version}{f' ; {marker}' if marker else ''}{hashes}\n"

"""Build the Greengrass component: the archive with wheel, lock file and install script, and the filled recipe.

`gdk component build` runs it as the custom build command; `make component` does the same without gdk. Both leave
`greengrass-build/artifacts/<name>/<version>/` and `greengrass-build/recipes/`, where `gdk component publish` looks.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
ARCHIVE = "edge-inspector"
_EPOCH = (2020, 1, 1, 0, 0, 0)  # the same sources give the same archive


def main() -> None:
    """Build into `greengrass-build`, in the repository."""
    name, settings = next(iter(json.loads((ROOT / "gdk-config.json").read_text(encoding="utf-8"))["component"].items()))
    out = ROOT / "greengrass-build"
    recipe = (ROOT / "recipe.json").resolve()
    artifacts, recipes = out / "artifacts" / name / settings["version"], out / "recipes"
    shutil.rmtree(out, ignore_errors=True)
    artifacts.mkdir(parents=True)
    recipes.mkdir()
    with tempfile.TemporaryDirectory() as folder:
        write_archive(build_wheel(Path(folder)), artifacts / f"{ARCHIVE}.zip")
    (recipes / recipe.name).write_text(
        fill_recipe(recipe.read_text(encoding="utf-8"), name, settings["version"], settings["author"]), encoding="utf-8"
    )
    print(f"{artifacts / ARCHIVE}.zip")


def fill_recipe(text: str, name: str, version: str, author: str) -> str:
    """Return a recipe with its name, version and author; the bucket is filled when it is published."""
    recipe = json.loads(text)
    recipe |= {"ComponentName": name, "ComponentVersion": version, "ComponentPublisher": author}
    return json.dumps(recipe, indent=2) + "\n"


def build_wheel(folder: Path) -> Path:
    """Build the wheel of the edge package into `folder`; nothing but the package and its model is in it."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True)
    return next(folder.glob("*.whl"))


def write_archive(wheel: Path, archive: Path) -> None:
    """Write the zip that the nucleus unpacks on the device."""
    files = {
        wheel.name: wheel,
        "install.sh": ROOT / "component" / "install.sh",
        "requirements.txt": ROOT / "requirements" / "edge.txt",
    }
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for name, path in files.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o755 << 16
            target.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    main()

"""The folder of a device: the artifacts of its components, where they work, and the runs of their scripts."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cloud_side.local.devices.inspector import MODEL
from cloud_side.local.devices.registering import CoreDevice
from cloud_side.local.home import Home
from edge_inspector.durable import PRIVATE_FOLDER, make_folders


@dataclass(frozen=True)
class Places:
    """What lies where on one device."""

    home: Home
    device: CoreDevice

    @property
    def folder(self) -> Path:
        """All of it."""
        return self.home.devices / self.device.thing

    def artifacts(self, name: str, version: str) -> Path:
        """Return the folder with a component version's artifacts."""
        return self.folder / "artifacts" / name / version

    def work(self, name: str) -> Path:
        """Return the folder in which a component works."""
        return self.folder / "work" / name

    def run(self, deployment: str, step: str) -> Path:
        """Return the folder of one run of one script."""
        return self.folder / "runs" / deployment / step

    def make_work(self, name: str) -> None:
        """Make the folder in which a component works; that of the model component leads to the daemon's folder.

        Raises:
            OSError: If it cannot be made.
        """
        make_folders(self.work(name), mode=PRIVATE_FOLDER)
        if name == MODEL:
            self._link_models()

    def forget_runs(self) -> None:
        """Remove the runs of all deployments: one that comes to the device again runs its scripts again."""
        shutil.rmtree(self.folder / "runs", ignore_errors=True)

    def keep_only(self, installed: Iterable[tuple[str, str]]) -> None:
        """Remove artifacts of versions that are not installed."""
        kept = {self.artifacts(name, version) for name, version in installed}
        for version in (self.folder / "artifacts").glob("*/*"):
            if version not in kept:
                shutil.rmtree(version, ignore_errors=True)

    def _link_models(self) -> None:
        link, models = self.work(MODEL) / "models", self.device.models
        make_folders(models, mode=PRIVATE_FOLDER)
        if link.is_symlink() and link.readlink() == models:
            return
        new = link.with_name(".models")
        new.unlink(missing_ok=True)
        new.symlink_to(models)
        new.replace(link)

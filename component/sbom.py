"""The bill of materials of an archive: every wheel in it, with its hash and its license, as CycloneDX 1.6.

Source: https://cyclonedx.org/docs/1.6/json/ and the pypi type of https://github.com/package-url/purl-spec.
"""

import email
import hashlib
import json
import uuid
import zipfile
from collections.abc import Iterable
from email.message import Message

from component.wheels import Wheel

Json = dict[str, object]


def bill_of_materials(name: str, version: str, wheels: Iterable[Wheel], *, installs: Wheel) -> str:
    """Return the bill of a component; the same for the same content, so its serial number is made of that.

    Args:
        name: Of the component, with its platform.
        version: Of the component.
        wheels: What runs on a device.
        installs: pip, which comes along to install the others and does not run after that.
    """
    listed = sorted(wheels, key=lambda wheel: wheel.path.name)
    own: Json = {"type": "application", "bom-ref": name, "name": name, "version": version}
    components = [_component(wheel, "required") for wheel in listed] + [_component(installs, "excluded")]
    content: Json = {
        "metadata": {"component": own},
        "components": components,
        "dependencies": [{"ref": name, "dependsOn": [each["bom-ref"] for each in components]}],
    }
    digest = hashlib.sha256(json.dumps(content).encode()).digest()
    head: Json = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.UUID(bytes=digest[:16], version=5)}",
        "version": 1,
    }
    return json.dumps(head | content, indent=2) + "\n"


def _component(wheel: Wheel, scope: str) -> Json:
    told = _metadata(wheel)
    purl = f"pkg:pypi/{wheel.project}@{told['Version']}?file_name={wheel.path.name}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": told["Name"],
        "version": told["Version"],
        "scope": scope,
        "hashes": [{"alg": "SHA-256", "content": wheel.sha256}],
        "licenses": _licenses(told),
        "purl": purl,
    }


def _metadata(wheel: Wheel) -> Message:
    with zipfile.ZipFile(wheel.path) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA") and each.count("/") == 1)
        return email.message_from_bytes(archive.read(name))


def _licenses(told: Message) -> list[Json]:
    if expression := told["License-Expression"]:
        return [{"expression": expression}]
    classifiers = [each.rpartition(" :: ")[2] for each in told.get_all("Classifier", []) if each.startswith("License ")]
    named = classifiers or (told["License"] or "").strip().splitlines()[:1]  # some put the whole text there
    return [{"license": {"name": name}} for name in named]

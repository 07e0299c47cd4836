"""What a station does when it is told to: the commands that it allows."""

import threading
from collections.abc import Callable, Mapping
from contextlib import closing

from edge_inspector.app.capturing import capture_sample
from edge_inspector.app.commands import Function
from edge_inspector.app.detector import OpenModel, collects, package_in_force
from edge_inspector.app.line_commands import line_commands
from edge_inspector.app.live import LineSide
from edge_inspector.app.models import StationModel
from edge_inspector.app.products import Products
from edge_inspector.commands import CommandName
from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.errors import RefusedError
from edge_inspector.events import Json, model_document
from edge_inspector.models.copying import never_end
from edge_inspector.samples.keeper import Keeper
from edge_inspector.settings import Settings


def station_commands(  # noqa: PLR0913 - what they act on
    products: Products,
    line: LineSide,
    stop: threading.Event,
    looks: StationModel,
    *,
    keeper: Callable[[], Keeper | None],
    reload: Callable[[], None] | None,
) -> dict[str, Function]:
    """Return the commands that a station allows, by name.

    Args:
        products: What the line is set up for.
        line: What its parts come with.
        stop: Ends their waits.
        looks: The model that runs.
        keeper: Returns who keeps samples, once it is open.
        reload: Has the configuration looked at again; such a command is not allowed where that is None.
    """

    def roll_back(arguments: Mapping[str, object]) -> Mapping[str, Json]:
        wanted, by = arguments.get("to_sha256"), arguments.get("by")
        return looks.rollback(wanted if isinstance(wanted, str) else None, by=by if isinstance(by, str) else None)

    functions: dict[str, Function] = {
        CommandName.SELF_TEST: lambda _: self_test(products.settings),
        CommandName.MODEL_ROLLBACK: roll_back,
        CommandName.CAPTURE_SAMPLE: lambda _: capture_sample(keeper(), stop),
        **line_commands(products.settings.source, line),
    }
    if products.marks is not None:
        functions[CommandName.PRODUCT] = products.command
    if reload is not None:
        wish = reload

        def look_again(_: Mapping[str, object]) -> Mapping[str, Json]:
            wish()
            return {}

        functions[CommandName.RELOAD] = look_again
    return functions


def self_test(settings: Settings) -> dict[str, Json]:
    """Run the golden images through the model in force, opened once more beside the one that inspects.

    Raises:
        RefusedError: If no model runs.
        ModelError: If the package cannot be used any more.
    """
    if collects(settings):
        msg = "no model runs: frames are gathered for the first one"
        raise RefusedError(msg)
    with closing(OpenModel(ModelPackage.open(package_in_force(settings)), settings)) as opened:
        found = opened.self_test(go_on=never_end)
        identity = opened.identity
    return {
        "model": model_document(identity),
        "images": found.images,
        "failed": len(found.problems),
        "problems": list(found.problems),
    }

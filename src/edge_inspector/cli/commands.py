"""The commands: each takes its arguments, calls one function, prints, and returns the exit code.

Each imports what it needs when it runs, so that `--help` and `check-config` need no ONNX Runtime.
"""

import argparse

DIFFERENT = 1  # a replay; anything else that ends with 1 has a traceback


def run(options: argparse.Namespace) -> int:
    """Run the daemon, or record what it sees."""
    from edge_inspector.errors import ConfigError

    if options.greengrass and options.record is not None:
        msg = "--record: expected a configuration file beside it (-c), found --greengrass"
        raise ConfigError(msg)
    if options.models is not None and not options.greengrass:
        msg = "--models: expected --greengrass beside it; elsewhere set model.updates.folder"
        raise ConfigError(msg)
    if options.greengrass:
        from edge_inspector.component import run_component

        run_component(options.models)
    elif options.record is None:
        from edge_inspector.daemon import run_file

        run_file(options.config)
    else:
        from edge_inspector.configuration.reading import read_settings
        from edge_inspector.replay.record import record

        record(read_settings(options.config), options.record, most_frames=options.record_frames)
    return 0


def replay(options: argparse.Namespace) -> int:
    """Run a recording again and compare."""
    from edge_inspector.configuration.reading import read_settings
    from edge_inspector.replay.show import show

    settings = None if options.config is None else read_settings(options.config)
    is_equal = show(options.folder, settings=settings, model=options.model, json_file=options.json)
    return 0 if is_equal else DIFFERENT


def support_bundle(options: argparse.Namespace) -> int:
    """Write one file for support."""
    from edge_inspector.support.show import show

    show(options.config, out=options.out)
    return 0


def demo(options: argparse.Namespace) -> int:
    """Run the demonstration."""
    from edge_inspector.demo.show import show

    show(parts=options.parts, rate_hz=options.rate, seed=options.seed, port=options.port, page_port=options.page_port)
    return 0


def inspect(options: argparse.Namespace) -> int:
    """Inspect image files."""
    from edge_inspector.batch import inspect_files
    from edge_inspector.configuration.reading import read_settings
    from edge_inspector.daemon import Exit
    from edge_inspector.settings import ModelSettings, Settings
    from edge_inspector.settings.for_product import with_product

    settings = Settings() if options.config is None else read_settings(options.config)
    settings = with_product(settings, settings.station.product)
    if options.model is not None:
        settings = settings.model_copy(update={"model": ModelSettings(path=options.model)})
    failed = inspect_files(options.paths, settings, min_confidence=options.min_confidence, save=options.save)
    return Exit.UNUSABLE_INPUT if failed else Exit.OK


def bench(options: argparse.Namespace) -> int:
    """Measure how fast this machine is."""
    from edge_inspector.app.detector import with_model
    from edge_inspector.bench.show import show
    from edge_inspector.configuration.reading import read_settings
    from edge_inspector.settings import Settings
    from edge_inspector.settings.for_product import with_product

    settings = Settings() if options.config is None else read_settings(options.config)
    settings = with_product(settings, settings.station.product)
    if options.model is not None:
        settings = with_model(settings, options.model)
    show(settings, image_wh=options.image, seconds=options.seconds, json_file=options.json)
    return 0


def check_config(options: argparse.Namespace) -> int:
    """Check a configuration, and tell how it differs from another."""
    from edge_inspector.app import check
    from edge_inspector.configuration.difference import difference
    from edge_inspector.configuration.reading import read_settings

    settings = read_settings(options.file)
    for remark in check(settings):
        print(f"{options.file}: {remark}")
    if options.against is not None:
        for change in difference(read_settings(options.against), settings):
            print(change)
    return 0


def topics(options: argparse.Namespace) -> int:
    """Print the topics of a station."""
    from edge_inspector.app import topic_tree
    from edge_inspector.configuration.reading import read_settings
    from edge_inspector.settings import Settings
    from edge_inspector.topics import catalogue_table

    settings = Settings() if options.config is None else read_settings(options.config)
    print(catalogue_table(topic_tree(settings)))
    return 0


def model_import(options: argparse.Namespace) -> int:
    """Make a model package of a plain export."""
    from edge_inspector.detectors.importing import import_model

    imported = import_model(
        options.file,
        options.out,
        name=options.name,
        version=options.version,
        decode=options.decode,
        model_wh=options.model_wh,
        class_names=options.class_names,
    )
    manifest = imported.package.manifest
    print(f"{options.out}: {manifest.name} {manifest.version}, {len(manifest.class_names)} classes")
    for assumption in imported.assumptions:
        print(f"assumed: {assumption}")
    return 0


def model_describe(options: argparse.Namespace) -> int:
    """Print the manifest of a model package."""
    from edge_inspector.app import SHIPPED_MODEL
    from edge_inspector.detectors.model_file import ModelPackage

    print(ModelPackage.open(options.folder or SHIPPED_MODEL).manifest.model_dump_json(indent=2, by_alias=True))
    return 0


def model_verify(options: argparse.Namespace) -> int:
    """Check a model package against its promises."""
    from edge_inspector.app import SHIPPED_MODEL
    from edge_inspector.daemon import Exit
    from edge_inspector.detectors.model_file import ModelPackage
    from edge_inspector.detectors.onnx import OnnxDetector
    from edge_inspector.detectors.verification import verify

    package = ModelPackage.open(options.folder or SHIPPED_MODEL)
    failed = False
    with OnnxDetector(package) as detector:
        print(f"{package.folder}: {detector.identity.name} {detector.identity.version}: files and tensors are right")
        for check in verify(package, detector):
            failed |= bool(check.problems)
            print(f"{check.image}: {'; '.join(check.problems) or 'as promised'}")
    if not package.manifest.golden:
        print("the package has no golden images: what it finds was not checked")
    return Exit.UNUSABLE_INPUT if failed else Exit.OK


def model_place(options: argparse.Namespace) -> int:
    """Place a model package in a folder of updates."""
    from edge_inspector.detectors.model_file import ModelPackage
    from edge_inspector.models.placing import place

    package = ModelPackage.open(options.folder)
    for file in package.manifest.files:
        package.read(file)
    place(package.folder, options.to, name=package.manifest.name, version=package.manifest.version)
    print(f"{options.to}: {package.manifest.name}/{package.manifest.version} is the model that shall run")
    return 0


def model_status(options: argparse.Namespace) -> int:
    """Print what a station remembers of its models."""
    from edge_inspector.configuration.reading import read_settings
    from edge_inspector.models.store import Store, store_in
    from edge_inspector.models.telling import lines_of

    for line in lines_of(Store(store_in(read_settings(options.config).home)).read()):
        print(line)
    return 0


def model_forget_rejected(options: argparse.Namespace) -> int:
    """Let a model be tried again that was refused."""
    from edge_inspector.configuration.reading import read_settings
    from edge_inspector.models.store import Store, store_in
    from edge_inspector.models.telling import name_of

    store = Store(store_in(read_settings(options.config).home))
    for rejection in store.forget_rejected(options.sha256):
        print(f"forgotten: {name_of(rejection.model)}: {rejection.reason}")
    return 0

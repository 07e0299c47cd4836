"""The commands `train …` and `evaluate`: on either engine, or all of it on this machine from a folder of images."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from cloud_side.catalog.cli import FORMS
from cloud_side.commands import (
    CommandError,
    Commands,
    add_command,
    add_engine,
    add_said,
    bucket_of,
    engine_command,
    name_and_value,
    user,
)


def add_commands(commands: Commands) -> None:
    """Add the commands to the parser of `edge-inspector-cloud`; each sets its function as `command`."""
    _add_train(commands)
    _add_evaluate(commands)


def _add_train(commands: Commands) -> None:
    train = add_command(
        commands,
        "train",
        "train a model, and prove whether it is better: on an engine, or here from a folder of labeled images",
        "--dataset metal-tags --wait",
        "--dataset metal-tags --version 3fa9 --set seed=2 --set TrainingInstance=ml.g5.xlarge",
        "--from photographs --out runs/1 --set iterations=500",
        "--from photographs --out runs/2 --champion runs/1/package",
        "status",
    )
    what = train.add_argument_group("what it learns from").add_mutually_exclusive_group()
    what.add_argument("--dataset", metavar="NAME", help="a dataset of the catalog: a run on the engine")
    what.add_argument(
        "--from",
        dest="folder",
        type=Path,
        metavar="DIR",
        help="labeled images: all of it here and now; ends with 65 where the gate refuses the model",
    )
    train.add_argument("--version", metavar="V", help="of the dataset: how it begins, latest (default), or new")
    train.add_argument("--model", metavar="NAME", help="name of the model (default: the dataset's)")
    add_said(train, "a hyperparameter, or another parameter of the run; `--set list` lists them all", read=_said)
    engine = train.add_argument_group("on an engine")
    add_engine(train)
    engine.add_argument("--again", action="store_true", help="though the same was trained before")
    engine.add_argument(
        "--wait",
        action="store_true",
        help="until it has ended; ends with 65 where it fails, or the gate refuses the model",
    )
    here = train.add_argument_group("with --from")
    here.add_argument("--out", type=Path, metavar="DIR", help="gets package, reports and results")
    here.add_argument("--form", choices=FORMS, help="of the labels (default: the one that is there)")
    here.add_argument("--champion", type=Path, metavar="DIR", help="a model package that is compared with")
    train.set_defaults(command=_train)
    within = train.add_subparsers(title="commands", metavar="[COMMAND]")
    status = add_command(within, "status", "show the last runs and how far they are", "", "RUN")
    # What stands before the word counts as well: a default of its own would take its place.
    unsaid, as_before = argparse.SUPPRESS, "as of `train`"
    status.add_argument(
        "--home", type=Path, metavar="DIR", default=unsaid, help=f"folder of a local engine, {as_before}"
    )
    status.add_argument("--bucket", metavar="NAME", default=unsaid, help=f"the product's bucket, {as_before}")
    status.add_argument("run", nargs="?", metavar="RUN", help="only this one")
    status.add_argument("--json", action="store_true", help="for programs")
    status.set_defaults(command=engine_command(_status))


def _add_evaluate(commands: Commands) -> None:
    evaluate = add_command(
        commands,
        "evaluate",
        "score a model, of whatever trainer, through the code that runs on the line",
        "--model runs/1/package --from photographs --out scores",
        "--model yolo11n.onnx --from photographs --form coco --out scores",
    )
    evaluate.add_argument("--model", type=Path, required=True, metavar="PATH", help="a model package, or an ONNX file")
    evaluate.add_argument("--from", dest="folder", type=Path, required=True, metavar="DIR", help="labeled images")
    evaluate.add_argument("--form", choices=FORMS, help="of the labels (default: the one that is there)")
    evaluate.add_argument("--out", type=Path, required=True, metavar="DIR", help="gets evaluation.html and .json")
    evaluate.set_defaults(command=_evaluate)


def _said(text: str) -> tuple[str, str]:
    return (text, "") if text == "list" else name_and_value(text)


def _train(options: argparse.Namespace) -> int:
    said = dict(options.said)
    if "list" in said:
        return _list_parameters()
    if options.folder is not None:
        _refuse(options, "--from", "version", "home", "again", "wait")
        return _here(options, said)
    if options.dataset is None:
        msg = "train: expected --dataset NAME, or --from DIR with --out DIR; `train --help` shows examples"
        raise CommandError(msg)
    _refuse(options, "--dataset", "out", "form", "champion")
    return engine_command(lambda asked: _start(asked, said))(options)


def _refuse(options: argparse.Namespace, way: str, *names: str) -> None:
    """Refuse options that mean nothing in one of the two ways to train, rather than pass over them."""
    if given := [f"--{name}" for name in names if getattr(options, name)]:
        msg = f"train {way}: expected no {' and no '.join(given)}, which belong to the other way to train"
        raise CommandError(msg)


def _list_parameters() -> int:
    from cloud_side.training.pipeline.parameters import hyperparameters, others

    for each in (*others(), *hyperparameters()):
        default = "by the engine" if str(each.default).startswith("${") else each.default
        print(f"{each.name:<20} {default!s:<14} {each.means}")
    return 0


def _start(options: argparse.Namespace, said: Mapping[str, str]) -> int:
    from cloud_side import executions
    from cloud_side.objects import Bucket
    from cloud_side.session import session
    from cloud_side.training.hyperparameters import Hyperparameters
    from cloud_side.training.runtime.by_hand import start
    from cloud_side.training.triggers.asking import asked_for

    is_own = Hyperparameters.model_fields.keys()
    asked = asked_for(
        {
            "kind": "hand",
            "who": user(),
            "dataset": options.dataset,
            "version": options.version,
            "model": options.model,
            "hyperparameters": {name: value for name, value in said.items() if name in is_own},
            "parameters": {name: value for name, value in said.items() if name not in is_own},
            "again": options.again,
        }
    )
    here = session()
    states = here.client("stepfunctions")
    arn = start(states, Bucket(here.client("s3"), bucket_of(options)), asked)
    print(arn.rpartition(":")[2], flush=True)
    if not options.wait:
        return 0
    told = executions.wait(states, arn, failed="Training failed")
    print(f"{told['subject']}\n{told['message']}")
    return 0 if told["outcome"] in ("waiting", "nothing") else 65


def _status(options: argparse.Namespace) -> int:
    from cloud_side.objects import Bucket
    from cloud_side.session import session
    from cloud_side.training.runtime.by_hand import lines_of, status

    here = session()
    found = status(here.client("sagemaker"), Bucket(here.client("s3"), bucket_of(options)), options.run)
    print(json.dumps(found, indent=2) if options.json else "\n".join(lines_of(found)))
    return 0


def _here(options: argparse.Namespace, said: Mapping[str, str]) -> int:
    if options.out is None:
        msg = "train --from: expected --out DIR for the package and the reports"
        raise CommandError(msg)
    _need_torch()
    from cloud_side.training.dataset.folders import folder_source
    from cloud_side.training.pipeline.here import Wish, train_here

    source = folder_source(options.folder, form=options.form)
    wish = Wish(source, options.out, options.model or source.name, options.champion, said)
    passed = train_here(wish, lambda line: print(line, flush=True))
    print(f"written: {options.out}")
    return 0 if passed else 65


def _evaluate(options: argparse.Namespace) -> int:
    from cloud_side.training.dataset.folders import folder_source
    from cloud_side.training.pipeline.here import evaluate_here

    source = folder_source(options.folder, form=options.form)
    evaluate_here(options.model, source, options.out, lambda line: print(line, flush=True))
    print(f"written: {options.out}")
    return 0


def _need_torch() -> None:
    from importlib.util import find_spec

    from edge_inspector.errors import ConfigError

    if find_spec("torch") is None:
        msg = "training needs the extra `train`: pip install 'edge-inspector-cloud[train]'"
        raise ConfigError(msg)

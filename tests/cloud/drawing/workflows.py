"""Workflows such as the product has, and executions of them: what a drawing has to cope with."""

from typing import Any

from tests.cloud.drawing.recorded import Told

_LAMBDA = "arn:aws:states:::lambda:invoke"


def _task(resource: str = _LAMBDA, **rest: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": resource, "Arguments": {"FunctionName": "{% $function %}"}, **rest}


def _machine(start: str, states: dict[str, Any]) -> dict[str, Any]:
    return {"QueryLanguage": "JSONata", "StartAt": start, "States": states}


LINEAR = _machine(
    "FindSamples",
    {
        "FindSamples": _task(Next="CreateManifest", Comment="New samples since the last run, each one once"),
        "CreateManifest": _task(Next="WaitForLabels"),
        "WaitForLabels": {"Type": "Wait", "Seconds": 60, "Next": "WriteDatasetVersion"},
        "WriteDatasetVersion": _task(End=True),
    },
)


def linear() -> Told:
    told = Told(
        "labeling", "nightly-2026-03-02", LINEAR, {"bucket": "samples", "prefix": "site=plant-1/", "budget": 250}
    )
    found = {"samples": 212, "manifest": "s3://samples/manifests/2026-03-02.jsonl"}
    told.enter("Task", "FindSamples", told.input)
    told.attempt({"FunctionName": "find-samples", "Payload": told.input}, {"Payload": found}, took=1.8)
    told.leave("Task", "FindSamples", found, manifest=found["manifest"])
    told.task("CreateManifest", found, {"lines": 212})
    told.enter("Wait", "WaitForLabels", {"lines": 212})
    told.at = told.at.replace(minute=15)
    told.leave("Wait", "WaitForLabels", {"lines": 212})
    told.task("WriteDatasetVersion", {"lines": 212}, {"version": "2026-03-02.1"})
    return told.succeed({"version": "2026-03-02.1"})


CHOICES = _machine(
    "Evaluate",
    {
        "Evaluate": _task(
            "arn:aws:states:::sagemaker:createProcessingJob.sync", Next="Gate",
            Retry=[{"ErrorEquals": ["SageMaker.Throttled"], "MaxAttempts": 3}],
            Catch=[{"ErrorEquals": ["States.Timeout", "States.TaskFailed"], "Next": "TellWhy"}],
        ),
        "Gate": {
            "Type": "Choice",
            "Choices": [
                {"Condition": "{% $states.input.escapes > $floor.escapes %}", "Next": "Refuse"},
                {"Condition": "{% $states.input.leak = true %}", "Next": "Refuse"},
                {"Condition": "{% $states.input.map50 - $champion.map50 > 0.01 and $states.input.overkill < 0.02 %}",
                 "Next": "Register"},
            ],
            "Default": "AskAPerson",
        },
        "AskAPerson": _task("arn:aws:states:::lambda:invoke.waitForTaskToken", Next="Answer"),
        "Answer": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $states.input.approved %}", "Next": "Register"}],
            "Default": "Refuse",
        },
        "Register": _task("arn:aws:states:::aws-sdk:sagemaker:createModelPackage", Next="Done"),
        "Refuse": {"Type": "Pass", "Next": "TellWhy"},
        "TellWhy": _task("arn:aws:states:::sns:publish", Next="NotBetter"),
        "NotBetter": {"Type": "Fail", "Error": "ModelNotBetter", "Cause": "see the gate's report"},
        "Done": {"Type": "Succeed"},
    },
)  # fmt: skip


def choices() -> Told:
    scores = {"map50": 0.942, "escapes": 0.0031, "overkill": 0.011, "leak": False}
    told = Told("training-gate", "challenger-1.4.0", CHOICES, {"model": "metal-tags", "version": "1.4.0"})
    told.enter("Task", "Evaluate", told.input)
    job = {"ProcessingJobName": "evaluate-1-4-0", "ProcessingResources": {"ClusterConfig": {"InstanceCount": 1}}}
    own = {"kind": "sagemaker", "resource": "createProcessingJob.sync"}
    told.attempt(job, error="SageMaker.Throttled", cause="Rate exceeded", **own)
    told.attempt(job, error="SageMaker.Throttled", cause="Rate exceeded", **own)
    told.attempt(job, {"ProcessingJobStatus": "Completed"}, took=412, **own)
    told.leave("Task", "Evaluate", scores, champion={"map50": 0.921})
    told.step("Choice", "Gate", scores)
    told.task("Register", scores, {"ModelPackageArn": "arn:aws:sagemaker:eu-central-1:0:model-package/metal-tags/7"})
    told.step("Succeed", "Done", {"registered": 7})
    return told.succeed({"registered": 7})


FAN_OUT = _machine(
    "Plan",
    {
        "Plan": {"Type": "Pass", "Next": "EachStation"},
        "EachStation": {
            "Type": "Map",
            "Items": "{% $states.input.stations %}",
            "MaxConcurrency": 4,
            "ItemProcessor": _machine(
                "Prepare",
                {
                    "Prepare": _task(Next="Both"),
                    "Both": {
                        "Type": "Parallel",
                        "Branches": [
                            _machine(
                                "DeployModel",
                                {
                                    "DeployModel": _task(Next="WaitUntilHealthy"),
                                    "WaitUntilHealthy": {"Type": "Wait", "Seconds": 30, "End": True},
                                },
                            ),
                            _machine("WatchRejects", {"WatchRejects": _task(End=True)}),
                            _machine(
                                "IsShadow",
                                {
                                    "IsShadow": {
                                        "Type": "Choice",
                                        "Choices": [{"Condition": "{% $shadow %}", "Next": "CompareShadow"}],
                                        "Default": "Skip",
                                    },
                                    "CompareShadow": _task(End=True),
                                    "Skip": {"Type": "Pass", "End": True},
                                },
                            ),
                        ],
                        "Next": "Record",
                    },
                    "Record": _task(End=True),
                },
            ),
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "RollBack"}],
            "Next": "Report",
        },
        "RollBack": _task("arn:aws:states:::aws-sdk:greengrassv2:createDeployment", Next="Report"),
        "Report": _task(End=True),
    },
)  # fmt: skip


def fan_out(stations: int = 5) -> Told:
    """Each station is deployed to; the third one fails, which is caught."""
    names = [f"press-{number}" for number in range(stations)]
    told = Told("rollout", "metal-tags-1.4.0", FAN_OUT, {"stations": names})
    told.step("Pass", "Plan", told.input)
    told.enter("Map", "EachStation", told.input)
    begun = told.add("MapStateStarted", length=stations)
    for index, name in enumerate(names[:4]):
        _station(told, index, name, begun, failing=index == 2)
        if index == 2:
            break
    told.add("MapStateFailed")
    told.leave("Map", "EachStation", {"error": "Unhealthy"})
    told.task("RollBack", {"stations": names[:3]}, {"deploymentId": "9f0c"})
    told.task("Report", {}, {"sent": True})
    return told.succeed({"rolledBack": True})


def _station(told: Told, index: int, name: str, begun: int, *, failing: bool) -> None:
    told.add("MapIterationStarted", begun, name="EachStation", index=index)
    told.task("Prepare", {"station": name}, {"station": name})
    told.enter("Parallel", "Both", {"station": name})
    branches = told.add("ParallelStateStarted")
    told.task("WatchRejects", {"station": name}, {"rate": 0.013}, after=branches, took=31)
    told.step("Choice", "IsShadow", {"station": name}, after=branches)
    told.step("Pass", "Skip", {"station": name})
    told.enter("Task", "DeployModel", {"station": name}, branches)
    if failing:
        told.attempt({"FunctionName": "deploy"}, error="Unhealthy", cause="press-2: component BROKEN after 3 restarts")
        told.add("ParallelStateFailed")
        told.add("MapIterationFailed", name="EachStation", index=index)
        return
    told.attempt({"FunctionName": "deploy"}, {"deployed": name}, took=12)
    told.leave("Task", "DeployModel", {"deployed": name})
    told.step("Wait", "WaitUntilHealthy", {"deployed": name})
    told.add("ParallelStateSucceeded")
    told.leave("Parallel", "Both", [{}, {}, {}])
    told.task("Record", {"station": name}, {"recorded": True})
    told.add("MapIterationSucceeded", name="EachStation", index=index)


LOOP = _machine(
    "Submit",
    {
        "Submit": _task(Next="Pause", Catch=[{"ErrorEquals": ["States.ALL"], "Next": "GiveUp"}]),
        "Pause": {"Type": "Wait", "Seconds": 20, "Next": "Look"},
        "Look": _task("arn:aws:states:::aws-sdk:greengrassv2:listEffectiveDeployments", Next="AreAllThere"),
        "AreAllThere": {
            "Type": "Choice",
            "Choices": [
                {"Condition": "{% $states.input.pending = 0 %}", "Next": "Verify"},
                {"Condition": "{% $states.input.failed > $tolerated %}", "Next": "GiveUp"},
            ],
            "Default": "Pause",
        },
        "Verify": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $wave < 3 %}", "Next": "Submit"}],
            "Default": "Finished",
        },
        "Finished": {"Type": "Succeed"},
        "GiveUp": {"Type": "Fail", "Error": "RolloutFailed"},
    },
)


def loop(rounds: int = 4) -> Told:
    """It still waits, in its last round."""
    told = Told("wave", "wave-2-of-3", LOOP, {"wave": 2, "group": "edge-inspector-plant-1"})
    told.task("Submit", told.input, {"deploymentId": "1c7e"})
    for left in reversed(range(1, rounds)):
        told.step("Wait", "Pause", {"pending": left}, wave=2)
        told.task("Look", {"pending": left}, {"pending": left, "failed": 0})
        told.step("Choice", "AreAllThere", {"pending": left, "failed": 0})
    told.enter("Wait", "Pause", {"pending": 1})
    return told


FAILING = _machine(
    "Prepare",
    {
        "Prepare": _task(Next="Train"),
        "Train": _task("arn:aws:states:::sagemaker:createTrainingJob.sync", Next="Export", TimeoutSeconds=86400),
        "Export": _task(Next="Register"),
        "Register": _task(End=True),
    },
)


def failing(*, redriven: bool = False) -> Told:
    told = Told("training", "redriven" if redriven else "failed", FAILING, {"dataset": "2026-03-02.1", "seed": 1})
    told.task("Prepare", told.input, {"images": 212})
    told.enter("Task", "Train", {"images": 212})
    job = {
        "TrainingJobName": "metal-tags-1-4-0",
        "ResourceConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1},
    }
    own = {"kind": "sagemaker", "resource": "createTrainingJob.sync"}
    cause = '{"TrainingJobStatus": "Failed", "FailureReason": "AlgorithmError: CUDA out of memory, batch 64"}'
    told.attempt(job, error="SageMaker.AlgorithmError", cause=cause, took=95, **own)
    told.fail("SageMaker.AlgorithmError", cause)
    if redriven:
        told.redrive()
        told.attempt(job, {"TrainingJobStatus": "Completed"}, took=3605, **own)
        told.leave("Task", "Train", {"model": "s3://models/1.4.0/model.tar.gz"})
        told.task("Export", {}, {"onnx": "s3://models/1.4.0/model.onnx"})
        told.task("Register", {}, {"version": "1.4.0"})
        told.succeed({"version": "1.4.0"})
    return told


def hostile() -> Told:
    """Its names and payloads want to be markup."""
    name = '</title><script>document.title="taken"</script>'
    text = '"><img src=x onerror="document.title=\'taken\'">'
    definition = _machine(
        name,
        {
            name: _task(
                text,
                Next="javascript:alert(1)",
                Comment=f"<!--{text}",
                Catch=[{"ErrorEquals": [text], "Next": "&amp;\u202eesrever\x07"}],
            ),
            "javascript:alert(1)": {
                "Type": "Choice",
                "Choices": [{"Condition": f"{{% '{text}' %}}", "Next": "&amp;\u202eesrever\x07"}],
                "Default": name,
            },
            "&amp;\u202eesrever\x07": {"Type": "Fail", "Error": text, "Cause": "]]>"},
        },
    )
    told = Told("hostile", "h-</style>", definition, {"payload": text, "long": "x" * 50_000, "lone": "\ud800"})
    told.enter("Task", name, told.input)
    told.attempt({text: text}, error=text, cause=text)
    told.leave("Task", name, {text: [text, "</script>", "\u2028"]}, **{"</pre><b>": text})
    told.enter("Fail", "&amp;\u202eesrever\x07", text)
    return told.fail(text, f"</main>{text}")


def large(states: int = 100, events: int = 25_000) -> Told:
    """As many states and events as AWS allows for: a chain with branches, of which a part loops until it is full."""
    names = [f"Step{number:03}" for number in range(states)]
    definition: dict[str, Any] = {}
    for at, name in enumerate(names):
        following = names[at + 1] if at + 1 < states else None
        if at % 7 == 3 and at + 3 < states:
            rule = {"Condition": f"{{% $states.input.n > {at} %}}", "Next": names[at + 3]}
            definition[name] = {"Type": "Choice", "Choices": [rule], "Default": following}
        elif following is None:
            definition[name] = {
                "Type": "Choice",
                "Choices": [{"Condition": "{% $more %}", "Next": names[0]}],
                "Default": "End",
            }
        else:
            definition[name] = _task(Next=following)
    definition["End"] = {"Type": "Succeed"}
    told = Told("large", "large", _machine(names[0], definition), {"n": 0})
    while told.last < events - 8:
        for at, name in enumerate(names):
            if told.last >= events - 8:
                break
            if definition[name]["Type"] == "Choice":
                told.step("Choice", name, {"n": at})
            else:
                told.task(name, {"n": at, "rows": list(range(60))}, {"n": at + 1, "rows": list(range(60))})
    told.step("Succeed", "End", {})
    return told.succeed({"n": states})

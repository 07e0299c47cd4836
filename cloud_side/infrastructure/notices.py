"""Events of AWS that people are told of, as values: in words, with the section of the runbook."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cloud_side.installation import PRODUCT
from cloud_side.training.pipeline.definition import REFUSED

RUNBOOK: Final = "docs/runbook.md"
BUDGET: Final = "budget"  # its section


def section(name: str) -> str:
    """Return where the runbook speaks of an alarm or an event."""
    return f"{RUNBOOK}#{name}"


@dataclass(frozen=True)
class Notice:
    """An event that people are told of.

    Attributes:
        name: Of its section in the runbook.
        source: Of EventBridge.
        detail_type: Likewise.
        detail: Of its pattern.
        paths: What of the event the message says, by the name in `words`; single values, as it is quoted text.
        words: The message.
    """

    name: str
    source: str
    detail_type: str
    detail: Mapping[str, Any]
    paths: Mapping[str, str]
    words: str

    @property
    def rule(self) -> str:
        """Of EventBridge, which tells people."""
        return f"{PRODUCT}-{self.name}"

    def template(self) -> str:
        """Return the message as EventBridge fills it in: a JSON text.

        Source:
            https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
        """
        return f'"{self.words} What to do: {section(self.name)}"'


# Greengrass does not say whose a device is: its events have its name and no group. Of a component the name tells that
# it is the product's, of a deployment nothing does.
# https://docs.aws.amazon.com/greengrass/v2/developerguide/deployment-health-notifications.html
_DEVICE: Final = {"device": "$.resources[0]", "at": "$.time"}
COMPONENT_BROKEN: Final = Notice(
    "component-broken",
    "aws.greengrass",
    "Greengrass V2 Installed Component Status Change",
    {"components": {"componentName": [{"prefix": "com.edgeinspector."}], "lifecycleState": ["BROKEN"]}},
    _DEVICE,
    "Greengrass has given up starting a component of the product (BROKEN). Device: <device>. At: <at>.",
)
DEPLOYMENT_FAILED: Final = Notice(
    "deployment-failed",
    "aws.greengrass",
    "Greengrass V2 Effective Deployment Status Change",
    {"coreDeviceExecutionStatus": ["FAILED", "REJECTED"]},
    {
        **_DEVICE,
        "deployment": "$.detail.deploymentId",
        "status": "$.detail.coreDeviceExecutionStatus",
        "why": "$.detail.statusDetails.errorTypes[0]",
    },
    "A deployment has <status> on a device. Device: <device>. Deployment: <deployment>. Why: <why>. At: <at>.",
)
# The step, not the pipeline: that ends as failed also where the gate has refused a model, which is as it should be.
# https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
TRAINING_FAILED: Final = Notice(
    "training-failed",
    "aws.sagemaker",
    "SageMaker Model Building Pipeline Execution Step Status Change",
    {"currentStepStatus": ["Failed"], "stepName": [{"anything-but": [REFUSED]}]},
    {"execution": "$.detail.pipelineExecutionArn", "step": "$.detail.stepName", "at": "$.time"},
    "The training pipeline has failed in its step <step>. Execution: <execution>. At: <at>.",
)
NOTICES: Final = (COMPONENT_BROKEN, DEPLOYMENT_FAILED, TRAINING_FAILED)

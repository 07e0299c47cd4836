"""All workflows of the product, for whoever installs them: the local engine, and the infrastructure in AWS."""

from typing import Final

from cloud_side.deployment.workflow import ROLLOUT
from cloud_side.labeling.workflow import LABELING
from cloud_side.training.workflow import RETRAIN
from cloud_side.workflows import Workflow

WORKFLOWS: Final[tuple[Workflow, ...]] = (LABELING, RETRAIN, ROLLOUT)

"""All services of a local engine."""

from cloud_side.local.services.athena import ATHENA
from cloud_side.local.services.events import EVENTS
from cloud_side.local.services.functions.pool import Pool
from cloud_side.local.services.functions.service import lambda_service
from cloud_side.local.services.glue import GLUE
from cloud_side.local.services.greengrass import GREENGRASS
from cloud_side.local.services.iot import IOT, IOT_DATA
from cloud_side.local.services.notifications import SNS
from cloud_side.local.services.s3 import S3
from cloud_side.local.services.sagemaker import FEATURE_STORE_RUNTIME, SAGEMAKER
from cloud_side.local.services.scheduler import SCHEDULER
from cloud_side.local.services.stepfunctions import STEP_FUNCTIONS
from cloud_side.local.wiring import Service


def services(pool: Pool) -> list[Service]:
    """Return them; functions run in the processes of a pool."""
    return [
        S3,
        STEP_FUNCTIONS,
        lambda_service(pool),
        SAGEMAKER,
        FEATURE_STORE_RUNTIME,
        GLUE,
        ATHENA,
        GREENGRASS,
        IOT,
        IOT_DATA,
        EVENTS,
        SCHEDULER,
        SNS,
    ]

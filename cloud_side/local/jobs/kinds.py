"""The kinds of jobs, and what each is called."""

from enum import StrEnum

from cloud_side.local.home import ACCOUNT, REGION


def arn(kind: str, name: str) -> str:
    """Return the ARN of a thing of SageMaker, e.g. of kind `labeling-job`."""
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name}"


class JobKind(StrEnum):
    """A kind of job, named as in its ARNs."""

    TRAINING = "training-job"
    PROCESSING = "processing-job"

    @property
    def word(self) -> str:
        """What the names of its operations and their members have in common."""
        match self:
            case JobKind.TRAINING:
                return "TrainingJob"
            case JobKind.PROCESSING:
                return "ProcessingJob"

    @property
    def log_group(self) -> str:
        """The name of the log group, as in CloudWatch but for the leading slash."""
        return f"aws/sagemaker/{self.word}s"

    @property
    def event(self) -> str:
        """The detail type of its events."""
        return f"SageMaker {self.word.removesuffix('Job')} Job State Change"

    def arn(self, name: str) -> str:
        """Return the ARN of a job of this kind."""
        return arn(self, name)

"""The SageMaker Pipeline of the steps."""

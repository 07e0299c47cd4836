"""Model packages on SageMaker's Model Registry: registered, approved, compared."""

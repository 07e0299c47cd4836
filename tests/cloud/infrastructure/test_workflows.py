"""The definitions in the templates are those of the engine on one machine, byte for byte."""

import pytest

from cloud_side.all_workflows import WORKFLOWS
from cloud_side.workflows import Pipeline, Workflow, placeholders
from tests.cloud.infrastructure.conftest import Synthesized

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda each: each.name)
@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_a_definition_is_that_of_the_local_engine_byte_for_byte(
    synthesized: Synthesized, workflow: Workflow, environment: str
) -> None:
    name = workflow.name.replace("edge-inspector", f"edge-inspector-{environment}")
    found = [
        each["Properties"]
        for stack in synthesized.templates
        for each in synthesized.resources(stack, "AWS::StepFunctions::StateMachine").values()
        if each["Properties"]["StateMachineName"] == name
    ]
    assert len(found) == 1
    assert found[0]["DefinitionString"].encode() == workflow.definition.read_bytes()
    assert found[0]["DefinitionSubstitutions"].keys() == workflow.placeholders()


@pytest.mark.parametrize("pipeline", [each for workflow in WORKFLOWS for each in workflow.pipelines])
def test_a_pipeline_is_that_of_the_local_engine_byte_for_byte(synthesized: Synthesized, pipeline: Pipeline) -> None:
    found = synthesized.resources("edge-inspector-dev-training", "AWS::SageMaker::Pipeline")
    (body,) = [each["Properties"]["PipelineDefinition"]["PipelineDefinitionBody"]["Fn::Sub"] for each in found.values()]
    text, values = body
    assert text == pipeline.text()
    assert values.keys() == placeholders(text)

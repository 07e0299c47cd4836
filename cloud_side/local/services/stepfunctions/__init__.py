"""Step Functions on this machine: the operations on what the interpreter keeps."""

from cloud_side.local.services.stepfunctions import events, executions, machines, map_runs, tokens
from cloud_side.local.services.stepfunctions.executions import start_execution
from cloud_side.local.states import fanning, store
from cloud_side.local.wiring import Service

STEP_FUNCTIONS = Service(
    "stepfunctions",
    reads={
        "DescribeExecution": executions.describe_execution,
        "DescribeMapRun": map_runs.describe_map_run,
        "DescribeStateMachine": machines.describe_state_machine,
        "DescribeStateMachineForExecution": machines.describe_state_machine_for_execution,
        "GetExecutionHistory": events.get_execution_history,
        "ListExecutions": executions.list_executions,
        "ListMapRuns": map_runs.list_map_runs,
        "ListStateMachines": machines.list_state_machines,
        "ValidateStateMachineDefinition": machines.validate_state_machine_definition,
    },
    writes={
        "CreateStateMachine": machines.create_state_machine,
        "DeleteStateMachine": machines.delete_state_machine,
        "RedriveExecution": executions.redrive_execution,
        "SendTaskFailure": tokens.send_task_failure,
        "SendTaskHeartbeat": tokens.send_task_heartbeat,
        "SendTaskSuccess": tokens.send_task_success,
        "StartExecution": executions.start,
        "StopExecution": executions.stop_execution,
        "UpdateStateMachine": machines.update_state_machine,
    },
    tables=f"{store.TABLES};{fanning.TABLES}",
)

__all__ = ["STEP_FUNCTIONS", "start_execution"]

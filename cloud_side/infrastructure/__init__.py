"""What the product is in AWS, as CDK: a value says which installation, and each logical unit is a stack.

    catalog       the bucket with all that is known, its keys, its tables
    ingest        what stations say: to the bucket, to metrics, to people
    labeling      samples -> labels: the workflow, its functions, the page
    training      labels -> models: the workflow, the pipeline, the registry, containers
    deployment    models -> stations: the workflow, thing groups, what a device may do
    endpoint      a model behind HTTP, where it is wanted
    monitoring    alarms and a dashboard
    simulated_device    a station without hardware, where it is wanted

Workflows come from `cloud_side.all_workflows`, as the engine of one machine has them. Needs the extra `infra`.
"""

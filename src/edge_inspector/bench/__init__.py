"""The `bench` command: how fast this box is with this model, in less than a minute.

`machine` says where it ran, `line` runs the pipeline on frames in memory, `measure` takes the measurements in turn,
`figures` holds them with the rules for suggestions and warnings, `report` turns them into text and JSON.
"""

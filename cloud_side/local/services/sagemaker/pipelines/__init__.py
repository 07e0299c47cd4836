"""SageMaker Pipelines: definitions of version 2020-12-01, and their executions, which the engine's chore moves.

    text ──definition──→ values ──checking──→ problems          (pure: nothing here knows of a row)
                            └──moves──→ which steps begin, how it ends
    rows ←──pipelines, executions── what a client asks for      (in the transaction of the request)
    rows ←──chore── jobs that ended, steps that begin           (one transaction, with the rows of the jobs)

A step's job is a row that comes to be in the transaction in which its step begins, so that it begins once however often
the engine is killed. A step in a branch that was not taken has no row.
"""

"""SageMaker's training and processing jobs as processes of this machine, in a folder laid out as /opt/ml.

A job is a row. The engine's chore sees to it that a supervisor runs for each row that has not ended: a process of its
own session, which outlives the engine. Whoever holds the lock in the job's folder is its supervisor, so that a second
one that is started goes away again; what it has reached it writes into one file, which is replaced whole:

    row ──→ Jobs (chore) ──starts──→ supervisor ──status.json──→ Jobs ──→ row and event, in one transaction
                                        └── program of each host, dies with its supervisor

Before the program starts, that it starts is on disk. A supervisor that finds this there knows that the one before it
vanished with the program: such a job goes on from its checkpoints where the request allows it, and else has failed.
"""

"""The steps of training, one script each: prepare, train, export, evaluate, optimize, gate, register.

Each is a function of folders (`run`) and the program of a job (`python -m cloud_side.training.steps.NAME`) that finds
these folders below /opt/ml. A step that is run again gives the same.
"""

"""A dataset version in, a model package with its proof on the register out: a better model, or a reason why not.

prepare -> train -> export -> evaluate -> optimize -> gate -> register: one script each (`steps`), put in order by a
SageMaker Pipeline (`pipeline`), which the retraining workflow starts when there is something new to learn.

Preprocessing, postprocessing and the verdict are the edge's own code, so that a model is scored by what will run it.
"""

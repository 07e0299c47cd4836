"""Labels and simulated tags in, a model package with its thresholds and card out.

dataset -> folds -> augment (scratch_bank, simulated) -> train (model, loss) -> export -> evaluate -> thresholds
-> package (report, card)

Preprocessing, postprocessing and the verdict are the edge's own code, so that a model is scored by what will run it.
`demo_model` is the recipe from one end to the other.
"""

"""What the gate's page calls its checks, what it advises after each, and what its words mean."""

from typing import Final

WORDS: Final = {
    "mAP50": "how well the model finds defects and tells them from good surface, from 0 (nothing) to 1 (all, nothing "
    "else); a box counts where it and the labeled one share at least half of what both cover",
    "AP50": "the same for one class of defects",
    "mAP50-95": "mAP50, where a box must fit the defect more and more exactly; it rewards exact frames",
    "Escape": "a part with a defect that is let through",
    "Overkill": "a good part that is stopped",
    "Range": "where the number would lie in 95 of 100 such tests with other parts of the same kind; fewer parts, wider "
    "range",
    "Cost": "of wrong decisions a part, where the price of an escape is given in overkills",
    "INT8": "a smaller and faster file of the same model, for small computers",
}
NEXT_PASSED: Final = (
    "Read the evaluation's pictures of the worst mistakes.",
    "Approve or reject it, and say why: edge-inspector-cloud model approve VERSION --why TEXT.",
    "Nothing reaches the line before a person has approved it.",
)
FOUND_NOTHING: Final = "parity of nothing"
NEXT_BY_CHECK: Final = (
    (
        ("groups", "defective_parts", "clean_parts", "possible_escapes"),
        "Label more parts of other lots: the test is too small to be trusted.",
    ),
    (
        ("leaked_groups", "near_duplicates", "dataset", "held_out"),
        "Mend the data set: what the model learned from must not test it.",
    ),
    (("recount",), "The files of the run do not belong together: run it again."),
    (
        ("map50", "map50_95", "not_worse", "surely_better", "difference"),
        "Label more of what it misses, and train again.",
    ),
    (
        ("escapes", "more_escapes", "more_cost"),
        "Look at the escapes in the evaluation: label more of that kind.",
    ),
    (
        ("overkill", "overkill_beside_defects"),
        "Look at what was stopped without need in the evaluation: add good parts of that kind.",
    ),
    (
        ("latency", "slower"),
        "If other programs were busy on the machine of the test, run it again; else train a smaller network or input.",
    ),
    (
        ("int8_accuracy", "int8_escapes", "int8_parity", "int8_speed"),
        "Train without the small file: --set Int8=never.",
    ),
    ((FOUND_NOTHING,), "The model finds nothing yet: train it for longer, by --set iterations=NUMBER."),
    (("parity_score", "parity_box"), "The exported file differs from the trained weights: tell those who train."),
    (("champion_evidence", "classes"), "Train with the classes of the approved model, on data that has them all."),
)
NAMES: Final = {
    "dataset": "One data set for training and test",
    "held_out": "Images of the test never seen before",
    "groups": "Groups of parts in the test",
    "defective_parts": "Defective parts in the test",
    "clean_parts": "Good parts in the test",
    "leaked_groups": "Groups on both sides",
    "near_duplicates": "Look-alikes on both sides",
    "recount": "Scores counted again",
    "map50": "mAP50",
    "map50_95": "mAP50-95",
    "escapes": "Escapes",
    "possible_escapes": "Escapes that are still possible",
    "overkill": "Overkill",
    "overkill_beside_defects": "Overkill, by what is beside defects",
    "latency": "Time for a frame",
    "parity_score": "Exported file: its scores",
    "parity_box": "Exported file: its boxes",
    "int8_accuracy": "Small file: mAP50",
    "int8_escapes": "Small file: escapes",
    "int8_parity": "Small file: its scores",
    "int8_speed": "Small file: its time",
    "champion_evidence": "Compared on the same images",
    "surely_better": "Surely better than the approved model",
    "not_worse": "Surely not worse than the approved model",
    "difference": "mAP50 against the approved model",
    "more_escapes": "Escapes against the approved model",
    "more_cost": "Cost against the approved model",
    "slower": "Time against the approved model",
    "classes": "Classes of the approved model",
    "class_ap50": "AP50 of class",
    "class_recall": "Parts stopped of class",
}

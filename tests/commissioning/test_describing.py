from edge_inspector.commissioning.describing import FeatureDescription, lines_of


def test_features_stand_below_their_category_in_columns() -> None:
    described = [
        FeatureDescription("Width", "integer", 640, "px", "1 to 2048", "Image"),
        FeatureDescription("ReverseX", "boolean", value=False, category="Image"),
        FeatureDescription("ExposureTime", "float", 2000.0, "us", "10 to 1000000", "Acquisition"),
        FeatureDescription("TriggerSoftware", "command", None, category="Acquisition"),
        FeatureDescription("Temperature", "float", None, category="Acquisition"),
    ]
    assert lines_of(described) == [
        "",
        "[Image]",
        "Width            640        px  1 to 2048",
        "ReverseX         false",
        "",
        "[Acquisition]",
        "ExposureTime     2000       us  10 to 1000000",
        "TriggerSoftware  (command)",
        "Temperature      -",
    ]


def test_no_features_are_no_lines() -> None:
    assert lines_of([]) == []

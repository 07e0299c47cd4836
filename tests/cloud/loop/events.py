"""Events as stations publish them, as far as the loop looks at them."""

from typing import Any


def message(number: int, name: str) -> dict[str, Any]:
    """Return the event of a part's result."""
    result = {
        "part_id": f"part-{number:06}",
        "inspection_id": f"01-{name}",
        "outcome": "accept",
        "detections": [],
        "model": {"version": "1.0.0"},
    }
    return {"specversion": "1.0", "id": name, "type": "com.edgeinspector.inspection.completed.v1", "data": result}

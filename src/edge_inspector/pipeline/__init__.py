"""The flow from a captured frame to a delivered event.

    capture thread   source.read()                   -> Handover: newest wins, first come first served, or wait
    inspect thread   Handover.take() -> Inspector    -> InspectionResult; every part gets one, failed or late too
    deliver thread   InspectionResult -> EventWriter -> every sink

The Ledger counts each frame and part at each step; Alarms tell a person once.
"""

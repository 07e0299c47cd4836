"""Edge Inspector: frames in, a verdict for every part out.

A frame comes from a source, the detector turns it into detections, the policy turns those into an outcome, and the
outcome leaves as an event through the sinks. The modules beside this one are listed in that order in ARCHITECTURE.md.
"""

__version__ = "0.1.0"

"""EventBridge on this machine: rules that say which events, or times, go to which targets."""

from cloud_side.local.services.events.service import EVENTS

__all__ = ["EVENTS"]

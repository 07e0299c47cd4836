"""Tracks: one defect that a free-running camera sees on many frames gives one alert, not one a frame.

    sightings (where a detection lies, and what it counts for)
        -> matching (which sighting is which track, by the motion that explains most of the frame)
        -> tracker (when a track is announced, when it ends)

Of a continuous web each frame shows other lines, and a defect lies where it lies: `web` puts together what is on seams.

All of it is judgement: times come with the frames, and the same frames give the same tracks.
"""

from edge_inspector.tracks.following import Follower
from edge_inspector.tracks.track import Track, TrackChange, TrackOptions, TrackPhase
from edge_inspector.tracks.tracker import Tracker, lowest_score
from edge_inspector.tracks.web import WebTracker

__all__ = [
    "Follower",
    "Track",
    "TrackChange",
    "TrackOptions",
    "TrackPhase",
    "Tracker",
    "WebTracker",
    "lowest_score",
]

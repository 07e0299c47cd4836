"""Recordings: what a station saw, how it was set up and what it found; and the same once more.

    run --record   FrameSource -> RecordingSource -+-> Recorder -> DIR      every frame, pixel for pixel
                   deliver     -> WatchedWriter ---+                        every published result, with all its boxes
    replay         DIR -> RecordedFrames -> the same pipeline -> compare    equal, but for time

A recording has no holes: where it cannot keep up, it ends.
"""

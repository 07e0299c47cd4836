"""Recordings: what a station saw, how it was set up and what it found; and the same once more.

    run --record   FrameSource -> RecordingSource -+-> Recorder -> DIR      every frame, pixel for pixel
                   deliver     -> EventSink -------+                        every result, as it was published
    replay         DIR -> RecordedFrames -> the same pipeline -> compare    equal, but for time

A recording has no holes: where it cannot keep up, it ends.
"""

"""Samples: frames that are kept for a person to label, from the inspect thread to a folder or a bucket.

    consider -> queue -> "sample" thread: encode, sidecar, spool -> "upload" thread: target

The spool is the only hand-over between the two threads, so that a sample outlives the process the moment it is stored.
"""

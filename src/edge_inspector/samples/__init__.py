"""Samples: frames that are kept for a person to label, from the inspect thread to a folder or a bucket.

    consider -> queue -> "sample" thread: encode, sidecar, spool -> "upload" thread: target
                                              |                ^
                                       recent pictures -> what a person has judged

The spool is the only hand-over to the uploader, so that a sample outlives the process the moment it is stored. Recent
pictures are a cache for the operator page; nothing waits for them.
"""

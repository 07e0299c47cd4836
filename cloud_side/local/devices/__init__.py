"""The core devices of this machine: real daemons, to which a chore of the engine does what a Greengrass nucleus does.

A device is a thing, its groups, and the folder in which a daemon looks for new models. Its deployments go through

    resolving     which components, in which versions: of all targets that mean the device
    configuring   what is configured: defaults, resets, merges; and variables in scripts
    fetching      artifacts, each with the digest that its recipe names
    planning      which components change, and the scripts that this takes
    scripts       one script after the other, each as a process whose end is on disk
    nucleus       all of it in steps that a kill cannot tear apart, and the way back

What a daemon makes of a new model afterwards (shadow, probation) is its own affair, and told by its events.
"""

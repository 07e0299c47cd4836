"""The daemon as a Greengrass component: its configuration and its connection come from the nucleus."""

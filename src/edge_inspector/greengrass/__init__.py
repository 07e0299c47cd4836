"""The one connection of the process to the Greengrass nucleus that started it."""

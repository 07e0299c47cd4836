"""GenICam cameras: GigE Vision and USB3 Vision of any vendor by Aravis, and Basler cameras by pypylon."""

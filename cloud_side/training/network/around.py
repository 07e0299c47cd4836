"""What a device does before and after the network: training does the same, and packages say it."""

from typing import Final

PAD_VALUE: Final = 114  # grey level around a letterboxed image
# Overlap above which the weaker of two boxes is dropped. Boxes of two scratches that cross overlap by 0.6 and more;
# chosen on photographs of metal tags.
NMS_IOU: Final = 0.7

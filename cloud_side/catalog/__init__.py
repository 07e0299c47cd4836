"""What is known of images: the index of samples, labels, and dataset versions made of them.

sidecars (edge) -> index -> [labeling] -> label rows -> label store -> dataset version -> training, COCO, YOLO, VOC
"""

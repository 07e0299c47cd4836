"""A continuous web: blocks of lines become frames that overlap, and a defect on a seam is one defect."""

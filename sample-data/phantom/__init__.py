"""Procedural stand-ins for what is acquired: a chest, and stained tissue. Knows nothing of DICOM or TIFF."""

"""Where frames come from: folders of photographs and their EXIF/XMP metadata."""

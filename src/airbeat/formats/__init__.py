"""Read and write the files pilots load: QGC ``.plan``, QGC WPL 110, GeoJSON, KML."""

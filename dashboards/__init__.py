"""Boards on the published marts: declared in YAML and SQL, drawn as HTML and SVG."""

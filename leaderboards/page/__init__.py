"""The published page: a static site that opens down to every verdict.

Read `site` first (what a site is made of), then `data` (the one file the page is drawn from).
Nothing here writes a file: the site comes out as relative paths and bytes.
"""

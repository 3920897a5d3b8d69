"""Columns of history as shapes. Pure: SVG for page and paper, nothing is asked or served."""

"""Columns of history as figures. Pure: Plotly builds them, nothing is asked or served."""

"""Detectors and published peers over labelled series, with one alert logic. Shell: it reads files."""

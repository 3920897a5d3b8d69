"""Tests that share one system; a package, so that what is of its scope ends with it."""

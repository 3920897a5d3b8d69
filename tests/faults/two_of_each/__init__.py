"""Tests that share a system of two of each; a package, so that what is of its scope ends with it."""

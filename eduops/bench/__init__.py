"""Measures this machine: loads, limits, what each stage costs. Shell."""

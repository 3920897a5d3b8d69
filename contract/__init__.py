"""The words that everybody uses: readings, topics, fleet, calendar, rules, alerts, commits, errors.

Pure. Imports nothing of the house.
"""

"""The city as it could be: fleet, timetable, traffic, labelled faults, replay."""

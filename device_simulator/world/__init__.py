"""The city as it could be: timetable, behaviour, labelled faults, months with faults in them. Pure."""

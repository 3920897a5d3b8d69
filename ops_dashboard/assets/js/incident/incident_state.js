// What follows from an incident's figures, on its page and in the list.

/** Return the part of the list that an incident stands in. */
export function groupOf(incident) {
  if (incident.ended_at_us !== null) return 'resolved';
  if (incident.silenced) return 'silenced';
  if (incident.rule.startsWith('chronic_')) return 'chronic'; // contract.alert.CHRONIC
  return incident.state === 'acknowledged' ? 'acknowledged' : 'open';
}

/** Return the whole minutes that pupils have lost up to now. */
export function lostMinutes(incident, nowUs) {
  const openS = Math.max(0, Math.floor(nowUs / 1e6) - Math.floor(incident.counted_at_us / 1e6));
  return Math.floor((incident.lost_pupil_s + incident.affected_pupils * openS) / 60);
}

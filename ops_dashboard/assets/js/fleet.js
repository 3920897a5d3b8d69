// The fleet, loaded once; schools are rows in the order of a snapshot's states.
const ID = 0, CODE = 1, NAME = 2, WARD = 3, LEVEL = 4, ISP = 5, PUPILS = 6;

/** Load the fleet and return look-ups. */
export async function loadFleet() {
  const answer = await fetch('/api/fleet', { headers: { Accept: 'application/json' } });
  if (!answer.ok) throw new Error(`/api/fleet answered ${answer.status}`);
  const topology = await answer.json();
  const rowOf = new Map([...topology.schools, ...topology.former].map((row) => [row[ID], row]));
  const named = (row) => {
    const [ward, shortWard, cluster] = topology.wards[row[WARD]];
    return {
      id: row[ID], code: row[CODE], name: row[NAME], ward, shortWard, cluster, wardPosition: row[WARD],
      clusterName: topology.clusters[cluster], level: topology.levels[row[LEVEL]],
      isp: topology.isps[row[ISP]], pupils: row[PUPILS],
    };
  };
  return {
    version: topology.version,
    clusters: topology.clusters,
    isps: topology.isps,
    count: topology.schools.length,
    school: (position) => named(topology.schools[position]),
    /** A school by its number, also one that is no more. */
    schoolOfId: (id) => (rowOf.has(id) ? named(rowOf.get(id)) : null),
    /** Positions of each cluster's schools, neighbours of one ward together. */
    areas: () => topology.clusters.map((name, cluster) => ({
      name,
      members: topology.schools
        .map((row, position) => [topology.wards[row[WARD]][2], row[WARD], position])
        .filter(([own]) => own === cluster)
        .sort((a, b) => a[1] - b[1] || a[2] - b[2])
        .map(([, , position]) => position),
    })),
  };
}

/** Load the fleet, trying again until the server answers. */
export async function loadFleetPatiently() {
  for (let wait = 500; ; wait = Math.min(15000, wait * 2)) {
    try {
      return await loadFleet();
    } catch (error) {
      console.warn('fleet not loaded, trying again', error);
      await new Promise((resolve) => window.setTimeout(resolve, wait * (0.5 + Math.random() / 2)));
    }
  }
}

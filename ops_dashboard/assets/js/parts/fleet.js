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
    sizes: clusterSizes(topology),
    count: topology.schools.length,
    school: (position) => named(topology.schools[position]),
    /** Position of a school's ward in `wards`. */
    wardOf: (position) => topology.schools[position][WARD],
    /** All wards, in the order in which `/api/wards` places them. */
    wards: () => topology.wards.map(([name, shortName, cluster], i) => ({
      code: topology.codes.wards[i], name, shortName, cluster, clusterName: topology.clusters[cluster],
    })),
    /** A school by its number, also one that is no more. */
    schoolOfId: (id) => (rowOf.has(id) ? named(rowOf.get(id)) : null),
    /** Positions of each cluster's schools, neighbours of one ward together; those that have any. */
    areas: () => group(topology, (ward) => topology.wards[ward][2], topology.clusters),
    /** The same by ward, of one cluster or of one ward, by code. */
    wardsOf: (code) => group(topology, (ward) => ward, topology.wards.map(([, short]) => short))
      .filter(({ members: [first] }) => {
        const ward = topology.schools[first][WARD];
        return topology.codes.wards[ward] === code || topology.codes.clusters[topology.wards[ward][2]] === code;
      }),
  };
}

function group(topology, groupOf, names) {
  const members = names.map(() => []);
  topology.schools.forEach((row, position) => members[groupOf(row[WARD])].push(position));
  const wardOf = (position) => topology.schools[position][WARD];
  return names
    .map((name, i) => ({ name, members: members[i].sort((a, b) => wardOf(a) - wardOf(b) || a - b) }))
    .filter((area) => area.members.length > 0);
}

/** Return how many schools each cluster has. */
function clusterSizes(topology) {
  const sizes = topology.clusters.map(() => 0);
  for (const row of topology.schools) sizes[topology.wards[row[WARD]][2]] += 1;
  return sizes;
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

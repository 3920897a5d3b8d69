// What is chosen stands in the address, so that a link and the way back lead to the same; the file of a list follows.

/** Return what the address says of some names; empty for what it does not name. */
export function fromAddress(names) {
  const asked = new URLSearchParams(window.location.search);
  return Object.fromEntries(names.map((name) => [name, asked.get(name) ?? '']));
}

/** Write what is chosen into the address, and into the links of the list's file. */
export function intoAddress(chosen) {
  const address = new URL(window.location.href);
  put(address, chosen);
  window.history.replaceState(window.history.state, '', address);
  for (const link of document.querySelectorAll('.panel-head .sheet-downloads a')) {
    const file = new URL(link.href);
    put(file, chosen);
    link.href = file;
  }
}

function put(address, chosen) {
  for (const [name, value] of Object.entries(chosen)) {
    if (value) address.searchParams.set(name, value);
    else address.searchParams.delete(name);
  }
}

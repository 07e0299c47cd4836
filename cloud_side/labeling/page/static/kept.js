// What a tab keeps over a reload: drafts of images, answers that were not taken yet, which images were answered.

const PREFIX = "edge-inspector.labeling";

/** Return a shelf of the tab's storage for one person and one work order: get(name), set(name, value), remove(name). */
export function shelf(person, { batch, round, kind }) {
  const keyOf = (name) => JSON.stringify([PREFIX, person, batch, round, kind, name]);
  return {
    get(name) {
      try {
        return JSON.parse(sessionStorage.getItem(keyOf(name)));
      } catch {
        return null; // of another version of the page
      }
    },
    set(name, value) {
      try {
        sessionStorage.setItem(keyOf(name), JSON.stringify(value));
      } catch {
        // Full: what is on the screen stays, only a reload would lose it.
      }
    },
    remove: (name) => sessionStorage.removeItem(keyOf(name)),
  };
}

/** Return the work orders of which a person's tab keeps something under a name. */
export function ordersWith(person, name) {
  const keys = Object.keys(sessionStorage).map(read).filter(Array.isArray);
  return keys
    .filter(([prefix, who, , , , what]) => prefix === PREFIX && who === person && what === name)
    .map(([, , batch, round, kind]) => ({ batch, round, kind }));
}

function read(key) {
  try {
    return JSON.parse(key);
  } catch {
    return null; // somebody else's
  }
}

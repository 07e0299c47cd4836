// What a person makes of the boxes of one image: every step can be undone, and done again.
//
// A box is {id, label, x, y, width, height, source, confidence}; source "model" until a person touches it. Boxes are
// never changed in place, so a step is the list as it was.

const DEEPEST = 100;

/** onChange() is called whenever boxes or the chosen one are others. */
export function createEditor({ boxes, onChange }) {
  let count = 0;
  const first = boxes.map((box) => ({ ...box, id: ++count }));
  let now = { boxes: first, chosen: null };
  let past = [];
  let future = [];
  let running = null; // name of the steps that are taken as one: a box pushed by ten arrow keys

  const find = (id) => now.boxes.find((box) => box.id === id) ?? null;

  function step(next, chosen, name = null) {
    if (name === null || name !== running) past = [...past.slice(1 - DEEPEST), now];
    running = name;
    future = [];
    now = { boxes: next, chosen };
    onChange();
  }

  function travel(from, to) {
    if (!from.length) return false;
    to.push(now);
    now = from.pop();
    running = null;
    onChange();
    return true;
  }

  return {
    get boxes() {
      return now.boxes;
    },
    get chosen() {
      return find(now.chosen);
    },
    get canUndo() {
      return past.length > 0;
    },
    get canRedo() {
      return future.length > 0;
    },
    /** Whether the boxes say something else than at first. */
    get hasChanged() {
      return JSON.stringify(said(now.boxes)) !== JSON.stringify(said(first));
    },
    choose(id) {
      if (now.chosen === id) return;
      now = { ...now, chosen: id };
      running = null;
      onChange();
    },
    add(box) {
      const id = ++count;
      step([...now.boxes, { ...box, id, source: "person", confidence: null }], id);
      return id;
    },
    /** Change a box; steps of one name after each other are undone as one. */
    change(id, fields, name = null) {
      const own = (box) => ({ ...box, ...fields, source: "person", confidence: null });
      step(
        now.boxes.map((box) => (box.id === id ? own(box) : box)),
        id,
        name && `${name} ${id}`,
      );
    },
    remove(id) {
      step(
        now.boxes.filter((box) => box.id !== id),
        null,
      );
    },
    /** Remove all boxes for which wanted(box) holds; returns how many there were. */
    removeAll(wanted) {
      const kept = now.boxes.filter((box) => !wanted(box));
      const gone = now.boxes.length - kept.length;
      if (gone) step(kept, null);
      return gone;
    },
    undo: () => travel(past, future),
    redo: () => travel(future, past),
    /** What restore() takes, as JSON. */
    draft: () => ({ now, past, future, count }),
    restore(draft) {
      ({ now, past, future, count } = draft);
      running = null;
      onChange();
    },
  };
}

/** Return boxes as an answer says them, in the order in which they were drawn. */
export function said(boxes) {
  return boxes.map(({ label, x, y, width, height }) => ({ label, x, y, width, height }));
}

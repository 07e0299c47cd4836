// Elements, built from data; never from markup, so no text from a device or a person can become an element.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Return a new element: el("button", {class: "quiet", onclick: close, disabled: true}, icon("close"), t("shell.close")).
 * Attributes: on… takes a function, `dataset` and `style` take an object, true is a bare attribute, false, null and
 * undefined leave it out, all else becomes text. Children: nodes, strings, numbers, lists of these; null and false are left out.
 */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "style") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...kept(children));
  return element;
}

/** Return the children of lists in lists, without those that are left out. */
function kept(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

/** Put these children where others were. */
export function show(element, ...children) {
  element.replaceChildren(...kept(children));
  return element;
}

const drawn = new WeakMap();

/**
 * Put what build() returns where other children were, but only where `key` is not as it was: a button that is replaced
 * under a finger is not pressed.
 */
export function showOnce(element, key, build) {
  const written = JSON.stringify(key);
  if (drawn.get(element) === written) return;
  drawn.set(element, written);
  show(element, build());
}

const lists = new WeakMap();

/** Show items in a list, with elements that stay where they are as long as what idOf(item) returns does. */
export function showList(list, items, idOf, make) {
  const before = lists.get(list) ?? new Map();
  const now = new Map();
  for (const item of items) {
    const written = JSON.stringify(item);
    const id = idOf(item);
    const known = before.get(id);
    now.set(id, known?.written === written ? known : { written, element: make(item) });
  }
  lists.set(list, now);
  for (const [id, { element }] of before) if (now.get(id)?.element !== element) element.remove();
  let next = list.firstChild;
  for (const { element } of now.values()) {
    if (element === next) next = next.nextSibling;
    else list.insertBefore(element, next);
  }
}

// 24 x 24, drawn with lines of the color of the text around them; "F" begins a shape that is filled instead.
const ICONS = {
  accept: ["M12 2.8a9.2 9.2 0 1 0 0 18.4 9.2 9.2 0 0 0 0-18.4z", "M7.6 12.4l3 3 5.8-6.2"],
  reject: ["M8.2 2.8h7.6l5.4 5.4v7.6l-5.4 5.4H8.2l-5.4-5.4V8.2z", "M8.8 8.8l6.4 6.4M15.2 8.8l-6.4 6.4"],
  review: [
    "M2.2 12S5.8 5.2 12 5.2 21.8 12 21.8 12 18.2 18.8 12 18.8 2.2 12 2.2 12z",
    "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
  ],
  no_verdict: [
    "M12 1.8l10.2 10.2L12 22.2 1.8 12z",
    "M9.6 9.7a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.2.9-1.2 1.7",
    "M12 16.4v.2",
  ],
  line: ["M2.5 16.5h19M5 16.5v-9h5v9M14 16.5v-6h5v6", "M5.5 20h.1M12 20h.1M18.5 20h.1"],
  defects: ["M3.5 3.5h17v17h-17z", "M8 8h8v8H8z", "M8 3.5v1M16 3.5v1"],
  quality: ["M3.5 3.5v17h17", "M7.5 16.5v-4M12 16.5v-8M16.5 16.5v-6"],
  health: ["M2.5 12.5h4l2.5-7 5 13 2.5-6h5"],
  model: ["M12 2.5l8.5 4.7v9.6L12 21.5l-8.5-4.7V7.2z", "M3.5 7.2L12 12l8.5-4.8M12 12v9.5"],
  settings: [
    "M4 6.5h9M19 6.5h1M4 12h2M12 12h8M4 17.5h9M19 17.5h1",
    "M16 4.3a2.2 2.2 0 1 0 0 4.4 2.2 2.2 0 0 0 0-4.4zM9 9.8a2.2 2.2 0 1 0 0 4.4 2.2 2.2 0 0 0 0-4.4zM16 15.3a2.2 2.2 0 1 0 0 4.4 2.2 2.2 0 0 0 0-4.4z",
  ],
  alarm: ["M12 3l9.6 17H2.4z", "M12 9.5v5M12 17.2v.2"],
  bell: ["M5.5 17h13l-1.6-2.4V10a4.9 4.9 0 0 0-9.8 0v4.6z", "M10 20a2.2 2.2 0 0 0 4 0"],
  person: ["M12 3.5a4 4 0 1 0 0 8 4 4 0 0 0 0-8z", "M4 20.5a8 8 0 0 1 16 0"],
  sun: [
    "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z",
    "M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
  ],
  moon: ["M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z"],
  half: ["M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z", "F12 3a9 9 0 0 1 0 18z"],
  close: ["M6 6l12 12M18 6L6 18"],
  next: ["M9 5l7 7-7 7"],
  previous: ["M15 5l-7 7 7 7"],
  up: ["M5 15l7-7 7 7"],
  down: ["M5 9l7 7 7-7"],
  plus: ["M12 5v14M5 12h14"],
  minus: ["M5 12h14"],
  fit: ["M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5"],
  boxes: ["M4 4h16v16H4z", "M8 8h5v5H8z"],
  undo: ["M8.5 4.5L4 9l4.5 4.5", "M4 9h10a5.5 5.5 0 0 1 0 11H9"],
  trash: ["M4.5 6.5h15M9.5 6.5V4h5v2.5M6.5 6.5l1 14h9l1-14M10 10.5v6M14 10.5v6"],
  filter: ["M3.5 5h17l-6.5 8v5.5l-4 2V13z"],
  download: ["M12 3.5v12M7 10.5l5 5 5-5M4.5 20.5h15"],
  print: ["M7 8V3.5h10V8M7 17H3.5V8h17v9H17", "M7 14h10v6.5H7z"],
  picture: ["M3.5 4.5h17v15h-17z", "M3.5 16l5-5 4.5 4.5 2.5-2.5 5 5", "M15.5 8a1.2 1.2 0 1 0 .1 0z"],
  note: ["M5 3.5h14v17H5z", "M8.5 8h7M8.5 12h7M8.5 16h4"],
  live: ["F12 7.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9z"],
  lost: ["M3 3l18 18", "M5 10.2a11 11 0 0 1 4.3-2.6M13.5 7.2A11 11 0 0 1 19 10.2M8.3 14a6 6 0 0 1 5.2-1.6M12 18v.2"],
  pause: ["M8 5.5v13M16 5.5v13"],
  running: ["M7 4.5l12 7.5-12 7.5z"],
  warning: ["M12 3l9.6 17H2.4z", "M12 9.5v5M12 17.2v.2"],
  true_reject: ["M8.2 2.8h7.6l5.4 5.4v7.6l-5.4 5.4H8.2l-5.4-5.4V8.2z", "M7.8 12.2l3 3 5.4-6"],
  false_reject: ["M12 2.8a9.2 9.2 0 1 0 0 18.4 9.2 9.2 0 0 0 0-18.4z", "M5.5 5.5l13 13"],
  missed_defect: ["M4 4h4M12 4h4M20 4v4M20 12v4M20 20h-4M12 20H8M4 20v-4M4 12V8", "M12 9v6M9 12h6"],
  true_accept: ["M12 2.8a9.2 9.2 0 1 0 0 18.4 9.2 9.2 0 0 0 0-18.4z", "M7.6 12.4l3 3 5.8-6.2"],
  unsure: ["M7.5 8.2a4.5 4.5 0 1 1 6.6 4c-1.4.8-2.1 1.7-2.1 3.1", "M12 19v.2"],
};

/** Return an icon; it says nothing to a screen reader, the word beside it does. */
export function icon(name, attributes = {}) {
  const shapes = (ICONS[name] ?? ICONS.unsure).map((path) =>
    path.startsWith("F")
      ? svg("path", { d: `M${path.slice(1)}`, fill: "currentColor", stroke: "none" })
      : svg("path", { d: path }),
  );
  return svg("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true", ...attributes }, shapes);
}

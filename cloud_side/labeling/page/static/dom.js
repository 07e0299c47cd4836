// Elements, built from data and never from markup: no text of a person or a device can become an element.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Return a new element: el("button", {class: "main", onclick: send}, icon("accept"), t("work.submit")).
 * Attributes: on… takes a function; `dataset` an object; true is a bare attribute; false, null, undefined leave it out.
 * Children: nodes, strings, numbers, lists of these; null, undefined and false are left out.
 */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  return show(element, ...children);
}

/** Put these children where others were. */
export function show(element, ...children) {
  element.replaceChildren(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

const drawn = new WeakMap();

/** Put what build() returns into an element where `key` is not as it was: what has the focus stays as long as it can. */
export function showOnce(element, key, build) {
  const written = JSON.stringify(key);
  if (drawn.get(element) === written) return false;
  drawn.set(element, written);
  show(element, build());
  return true;
}

// 24 x 24, drawn with lines of the color of the text around them.
const ICONS = {
  accept: ["M12 2.8a9.2 9.2 0 1 0 0 18.4 9.2 9.2 0 0 0 0-18.4z", "M7.6 12.4l3 3 5.8-6.2"],
  reject: ["M8.2 2.8h7.6l5.4 5.4v7.6l-5.4 5.4H8.2l-5.4-5.4V8.2z", "M8.8 8.8l6.4 6.4M15.2 8.8l-6.4 6.4"],
  adjust: ["M4 20l1-4L16 5l3 3L8 19z", "M13.5 7.5l3 3"],
  none: ["M12 2.8a9.2 9.2 0 1 0 0 18.4 9.2 9.2 0 0 0 0-18.4z", "M5.5 5.5l13 13"],
  unusable: ["M3.5 4.5h17v15h-17z", "M8 9l8 6M16 9l-8 6"],
  label: ["M3.5 3.5h17v17h-17z", "M8 8h8v8H8z"],
  verify: [
    "M2.2 12S5.8 5.2 12 5.2 21.8 12 21.8 12 18.2 18.8 12 18.8 2.2 12 2.2 12z",
    "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
  ],
  person: ["M12 3.5a4 4 0 1 0 0 8 4 4 0 0 0 0-8z", "M4 20.5a8 8 0 0 1 16 0"],
  sun: [
    "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z",
    "M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
  ],
  moon: ["M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z"],
  contrast: ["M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z", "M12 3v18M15 4.5v15M18 7v10"],
  keys: ["M2.5 6.5h19v11h-19z", "M6 10h.1M10 10h.1M14 10h.1M18 10h.1M8 14h8"],
  close: ["M6 6l12 12M18 6L6 18"],
  next: ["M9 5l7 7-7 7"],
  previous: ["M15 5l-7 7 7 7"],
  skip: ["M5 5l8 7-8 7zM17 5v14"],
  plus: ["M12 5v14M5 12h14"],
  minus: ["M5 12h14"],
  fit: ["M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5"],
  boxes: ["M4 4h16v16H4z", "M8 8h5v5H8z"],
  undo: ["M8.5 4.5L4 9l4.5 4.5", "M4 9h10a5.5 5.5 0 0 1 0 11H9"],
  redo: ["M15.5 4.5L20 9l-4.5 4.5", "M20 9H10a5.5 5.5 0 0 0 0 11h5"],
  trash: ["M4.5 6.5h15M9.5 6.5V4h5v2.5M6.5 6.5l1 14h9l1-14M10 10.5v6M14 10.5v6"],
  picture: ["M3.5 4.5h17v15h-17z", "M3.5 16l5-5 4.5 4.5 2.5-2.5 5 5"],
  note: ["M5 3.5h14v17H5z", "M8.5 8h7M8.5 12h7M8.5 16h4"],
  chart: ["M3.5 3.5v17h17", "M7.5 16.5v-4M12 16.5v-8M16.5 16.5v-6"],
  list: ["M8 6h12M8 12h12M8 18h12M4 6h.1M4 12h.1M4 18h.1"],
  warning: ["M12 3l9.6 17H2.4z", "M12 9.5v5M12 17.2v.2"],
};

/** Return an icon; it says nothing to a screen reader, the word beside it does. */
export function icon(name) {
  const paths = ICONS[name].map((d) => svg("path", { d }));
  return svg("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, paths);
}

/** Return a button that leaves the focus where it is when it is clicked: the keys go on to mean the image. */
export function button(attributes, ...children) {
  return el("button", { type: "button", onmousedown: (event) => event.preventDefault(), ...attributes }, ...children);
}

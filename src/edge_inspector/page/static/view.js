// A picture that can be zoomed and moved, and what lies on it, given in pixels of the picture.
//
// The picture is moved by a transform, what lies on it is drawn anew in pixels of the screen: lines stay thin at any zoom.

import { el, icon, svg } from "./dom.js";
import { patiently } from "./items.js";
import { number, t } from "./texts.js";

const STEP = 1.4; // of one press of a zoom key
const DEEPEST = 16; // times as large as it fits, or as it is
const PAN_PX = 60;
const TAG_PX = 24;

/** onView() is called whenever the picture has moved under what lies on it. */
export function createView({ onView = () => {} } = {}) {
  const image = el("img", { class: "view-image", alt: "", draggable: "false", decoding: "async" });
  const found = svg("g", {});
  const drawn = svg("g", {});
  const overlay = svg("svg", { class: "view-overlay" }, found, drawn);
  const tags = el("div", { class: "view-tags", "aria-hidden": "true" });
  const empty = el("p", { class: "view-empty", hidden: true });
  const box = el("div", { class: "view-box", tabindex: "0", role: "group" }, image, overlay, tags, empty);
  const toggle = tool("boxes", t("view.boxes"), () => setBoxes(!hasBoxes));
  const root = el("div", { class: "view" }, box);
  const tools = el(
    "div",
    { class: "view-tools" },
    toggle,
    tool("minus", t("view.out"), () => zoomBy(1 / STEP)),
    tool("fit", t("view.fit"), fit),
    tool("plus", t("view.in"), () => zoomBy(STEP)),
  );

  let wh = [1, 1];
  let at = { scale: 1, x: 0, y: 0 };
  let isFitted = true;
  let hasBoxes = true;
  let entries = [];
  let shown = null; // address of the picture
  let letBe = () => {};
  let grasp = null; // what takes hold of a pointer before the picture is moved
  const pointers = new Map();

  const size = () => [box.clientWidth || 1, box.clientHeight || 1];
  const fittingScale = () => Math.min(size()[0] / wh[0], size()[1] / wh[1]);

  function fit() {
    isFitted = true;
    move({ scale: fittingScale(), x: 0, y: 0 });
  }

  function move({ scale, x, y }) {
    const least = fittingScale();
    const most = Math.max(least * DEEPEST, DEEPEST);
    scale = Math.min(Math.max(scale, least), most);
    isFitted = scale <= least * 1.001;
    const [width, height] = size();
    at = { scale, x: held(x, width, wh[0] * scale), y: held(y, height, wh[1] * scale) };
    image.style.setProperty("transform", `translate(${at.x}px, ${at.y}px) scale(${at.scale})`);
    image.style.setProperty("image-rendering", at.scale > 3 ? "pixelated" : "auto");
    box.style.setProperty("touch-action", isFitted && !grasp ? "pan-y" : "none");
    box.dataset.zoomed = String(!isFitted);
    draw();
    onView();
  }

  function zoomBy(factor, [x, y] = size().map((side) => side / 2)) {
    const scale = Math.min(Math.max(at.scale * factor, fittingScale()), Math.max(fittingScale() * DEEPEST, DEEPEST));
    const grown = scale / at.scale;
    move({ scale, x: x - (x - at.x) * grown, y: y - (y - at.y) * grown });
  }

  function draw() {
    const [width, height] = size();
    overlay.setAttribute("viewBox", `0 0 ${width} ${height}`);
    found.replaceChildren();
    tags.replaceChildren();
    if (!hasBoxes) return;
    const places = []; // of tags: none hides another
    for (const entry of entries) {
      const [x1, y1] = toScreen(entry.xyxy[0], entry.xyxy[1]);
      const [x2, y2] = toScreen(entry.xyxy[2], entry.xyxy[3]);
      const place = { x: x1, y: y1, width: Math.max(1, x2 - x1), height: Math.max(1, y2 - y1) };
      found.append(
        svg("rect", { class: "halo", ...place }),
        svg("rect", { class: `found ${entry.kind}`, ...place, dataset: { xyxy: entry.xyxy.join(" ") } }),
      );
      const tag = el("span", { class: `tag ${entry.kind}` }, entry.text);
      tags.append(tag);
      const long = tag.offsetWidth;
      const left = Math.max(0, Math.min(x1, width - long));
      let top = Math.max(0, y1 - TAG_PX >= 0 ? y1 - TAG_PX : Math.min(y2 + 2, height - TAG_PX));
      const isTaken = (other) => Math.abs(other.top - top) < TAG_PX && left < other.right && other.left < left + long;
      while (places.some(isTaken)) top += TAG_PX;
      places.push({ left, right: left + long, top });
      tag.style.setProperty("transform", `translate(${left}px, ${top}px)`);
    }
  }

  function toScreen(x, y) {
    return [at.x + x * at.scale, at.y + y * at.scale];
  }

  function toPicture(event) {
    const { left, top } = box.getBoundingClientRect();
    return [(event.clientX - left - at.x) / at.scale, (event.clientY - top - at.y) / at.scale];
  }

  function placeOf(event) {
    const { left, top } = box.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  box.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      zoomBy(Math.exp(-event.deltaY * (event.deltaMode ? 0.06 : 0.0022)), placeOf(event));
    },
    { passive: false },
  );

  box.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || image.hidden) return;
    pointers.set(event.pointerId, placeOf(event));
    if (pointers.size === 2) grasp?.cancel();
    else if (pointers.size === 1 && grasp?.down(event)) event.preventDefault();
    if (!isFitted || grasp || pointers.size === 2) box.setPointerCapture(event.pointerId);
  });
  box.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = placeOf(event);
    if (pointers.size === 2) {
      const [other] = [...pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
      const middle = [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2];
      const grown = distance(now, other) / Math.max(1, distance(before, other));
      zoomBy(grown, middle);
      move({ ...at, x: at.x + (now[0] - before[0]) / 2, y: at.y + (now[1] - before[1]) / 2 });
    } else if (!grasp?.move(event) && !isFitted) {
      move({ ...at, x: at.x + now[0] - before[0], y: at.y + now[1] - before[1] });
    }
    pointers.set(event.pointerId, now);
  });
  for (const kind of ["pointerup", "pointercancel"]) {
    box.addEventListener(kind, (event) => {
      if (!pointers.delete(event.pointerId)) return;
      if (kind === "pointerup") grasp?.up(event);
      else grasp?.cancel();
    });
  }
  box.addEventListener("dblclick", (event) => {
    if (grasp) return;
    if (isFitted) zoomBy(Math.max(2, 1 / at.scale), placeOf(event));
    else fit();
  });
  box.addEventListener("keydown", (event) => {
    const ways = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (event.target !== box || isFitted || !ways[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const [x, y] = ways[event.key];
    move({ ...at, x: at.x + x * PAN_PX, y: at.y + y * PAN_PX });
  });

  function tool(name, words, run) {
    return el("button", { class: "only-icon", "aria-label": words, title: words, onclick: run }, icon(name));
  }

  function setBoxes(value) {
    hasBoxes = value;
    toggle.setAttribute("aria-pressed", String(hasBoxes));
    draw();
  }

  image.addEventListener("load", () => {
    image.hidden = false;
    empty.hidden = true;
  });
  const observer = new ResizeObserver(() => (isFitted ? fit() : move(at)));
  observer.observe(box);
  setBoxes(true);

  function say(text) {
    image.hidden = true;
    empty.hidden = false;
    empty.replaceChildren(icon("picture"), text);
  }

  return {
    root,
    tools,
    drawn,
    toScreen,
    toPicture,
    fit,
    zoomBy,
    step: STEP,
    toggleBoxes: () => setBoxes(!hasBoxes),
    get scale() {
      return at.scale;
    },
    get wh() {
      return wh;
    },
    /** What can be seen of the picture, as xyxy in its pixels. */
    get visible() {
      const [width, height] = size();
      return [
        Math.max(0, -at.x / at.scale),
        Math.max(0, -at.y / at.scale),
        Math.min(wh[0], (width - at.x) / at.scale),
        Math.min(wh[1], (height - at.y) / at.scale),
      ];
    },
    /** Show a picture; words: what it shows, for those who do not see it. null: none, and the words say why. */
    show(source, imageWh, words) {
      box.setAttribute("aria-label", words);
      if (source === null) {
        letBe();
        shown = null;
        image.removeAttribute("src");
        entries = [];
        draw();
        say(words);
        return;
      }
      const isOther = imageWh[0] !== wh[0] || imageWh[1] !== wh[1];
      wh = imageWh;
      image.alt = words;
      image.width = wh[0];
      image.height = wh[1];
      if (shown !== source) {
        letBe();
        shown = source;
        image.hidden = false;
        empty.hidden = true;
        letBe = patiently(image, source, () => say(t("view.gone")));
      }
      if (isOther || isFitted) fit();
    },
    /** Lay these boxes over it: {xyxy, text, kind}; kind: "counts", "faint" or "person". */
    lay(boxes) {
      entries = boxes;
      draw();
    },
    /** Give what happens to a pointer first to another: {down, move, up, cancel}; down and move say whether they took it. */
    graspBy(other) {
      grasp = other;
      box.dataset.grasp = String(other !== null);
      move(at);
    },
    close() {
      letBe();
      observer.disconnect();
    },
  };
}

/** Return what is written at a box. */
export function tagText(label, confidence = null) {
  return confidence === null ? label : t("view.tag", { label, confidence: number(confidence, 2) });
}

function held(offset, room, length) {
  return length <= room ? (room - length) / 2 : Math.min(0, Math.max(room - length, offset));
}

function distance([x1, y1], [x2, y2]) {
  return Math.hypot(x1 - x2, y1 - y2);
}

// What lies on the image: boxes with their class, handles of the chosen one, the cross.

import { el, svg } from "./dom.js";
import { HANDLES, handlePlace } from "./geometry.js";
import { number, t } from "./texts.js";

const TAG_PX = 22;
const COLORS = 9;
const MOST_TAGS = 16; // more would hide the image: then the chosen box and the one under the pointer have their names
const SMALL_PX = 34; // a box whose sides are shorter has its handles around it: its middle can still be taken

/** Return the class of the style sheet in which boxes of a class are drawn. */
export function colorOf(label, classNames) {
  return `color-${Math.max(0, classNames.indexOf(label)) % COLORS}`;
}

/** Draws what it is given over a view: {boxes, chosen, hovered, cross, isHidden, classNames}. */
export function createLayer(view) {
  const drawing = svg("svg", { class: "layer", "aria-hidden": "true" });
  const tags = el("div", { class: "tags", "aria-hidden": "true" });
  view.box.append(drawing, tags);

  function frame({ x, y, width, height }) {
    const [left, top] = view.toScreen([x, y]);
    return { x: left, y: top, width: Math.max(1, width * view.scale), height: Math.max(1, height * view.scale) };
  }

  function boxLines(box, { chosen, hovered, classNames }) {
    const place = frame(box);
    const state = { source: box.source, chosen: box === chosen, hovered: box.id === hovered };
    return [
      svg("rect", { class: "halo", ...place, dataset: state }),
      svg("rect", { class: `box ${colorOf(box.label, classNames)}`, ...place, dataset: state }),
    ];
  }

  function handles(box) {
    return Object.keys(HANDLES).map((handle) => {
      const [cx, cy] = handleOnScreen(view, box, handle);
      return svg("rect", { class: "handle", x: cx - 5, y: cy - 5, width: 10, height: 10, rx: 2 });
    });
  }

  function crossLines([x, y], isDrawing) {
    const [width, height] = view.size();
    const [cx, cy] = view.toScreen([x, y]).map((place) => Math.round(place) + 0.5);
    return ["cross-halo", "cross"].flatMap((name) => [
      svg("path", { class: name, d: `M0 ${cy}H${width}M${cx} 0V${height}`, dataset: { drawing: isDrawing } }),
    ]);
  }

  /** Lay the names of the boxes beside them so that none hides another. */
  function drawTags({ boxes, chosen, hovered, classNames }) {
    const [width, height] = view.size();
    const taken = [];
    tags.replaceChildren();
    const isTagged = (box) => boxes.length <= MOST_TAGS || box === chosen || box.id === hovered;
    for (const box of boxes.filter(isTagged)) {
      const { x, y, height: tall } = frame(box);
      const tag = el(
        "span",
        { class: `tag ${colorOf(box.label, classNames)}`, dataset: { source: box.source, chosen: box === chosen } },
        tagText(box),
      );
      tags.append(tag);
      const long = tag.offsetWidth;
      const left = Math.max(0, Math.min(x, width - long));
      let top = y >= TAG_PX + 6 ? y - TAG_PX - 6 : Math.min(y + tall + 6, height - TAG_PX);
      const isTaken = (other) => Math.abs(other.top - top) < TAG_PX && left < other.right && other.left < left + long;
      while (taken.some(isTaken)) top += TAG_PX;
      taken.push({ left, right: left + long, top });
      tag.style.setProperty("transform", `translate(${Math.round(left)}px, ${Math.round(top)}px)`);
    }
  }

  return function draw(shown) {
    const [width, height] = view.size();
    drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const boxes = shown.isHidden ? [] : shown.boxes;
    const chosen = boxes.includes(shown.chosen) ? shown.chosen : null;
    const inOrder = [...boxes.filter((box) => box !== chosen), ...(chosen ? [chosen] : [])];
    drawing.replaceChildren(
      ...(shown.cross ? crossLines(shown.cross, shown.isDrawing) : []),
      ...inOrder.flatMap((box) => boxLines(box, shown)),
      ...(chosen ? handles(chosen) : []),
    );
    drawTags({ ...shown, boxes });
  };
}

/** Return where a handle of a box is drawn, as a place of the stage. */
export function handleOnScreen(view, box, handle) {
  const [across, down] = HANDLES[handle];
  const [x, y] = view.toScreen(handlePlace(box, handle));
  const out = (length) => (length * view.scale < SMALL_PX ? 7 : 0);
  return [x + across * out(box.width), y + down * out(box.height)];
}

/** Return what is written at a box. */
export function tagText({ label, confidence }) {
  return confidence === null ? label : t("box.tag", { label, confidence: number(confidence) });
}

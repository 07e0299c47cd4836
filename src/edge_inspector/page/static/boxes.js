// Drawing boxes around what the model has missed: by mouse, finger, pen, or keys. Boxes are xyxy in pixels of the frame.

import { el, icon, showOnce, svg } from "./dom.js";
import { number, t } from "./texts.js";

const MOST_BOXES = 16;
const SMALLEST_PX = 4; // of the frame; less is a slip
const HANDLE_PX = 22; // a finger finds it within so many pixels of the screen
const CORNERS = [
  [0, 1],
  [2, 1],
  [2, 3],
  [0, 3],
]; // which sides of xyxy each one moves

/** Return a box with its corners in order, inside the frame, to a tenth of a pixel. */
function tidied([xa, ya, xb, yb], [width, height]) {
  const clip = (value, most) => Math.round(Math.min(Math.max(value, 0), most) * 10) / 10;
  return [
    clip(Math.min(xa, xb), width),
    clip(Math.min(ya, yb), height),
    clip(Math.max(xa, xb), width),
    clip(Math.max(ya, yb), height),
  ];
}

/** Return a box moved, as far as the frame goes. */
export function moved([x1, y1, x2, y2], dx, dy, [width, height]) {
  const right = Math.min(Math.max(dx, -x1), width - x2);
  const down = Math.min(Math.max(dy, -y1), height - y2);
  return tidied([x1 + right, y1 + down, x2 + right, y2 + down], [width, height]);
}

/** Return a box with its right and lower sides moved; it stays a box. */
export function grown([x1, y1, x2, y2], dx, dy, wh) {
  return tidied([x1, y1, Math.max(x1 + SMALLEST_PX, x2 + dx), Math.max(y1 + SMALLEST_PX, y2 + dy)], wh);
}

/**
 * Let boxes be drawn on a view. `boxes` is changed in place: {label, xyxy, part_frame}; `labels` are the classes to choose
 * from; frame() is the frame that is shown. Returns {panel, draw, close}.
 */
export function createDrawing(view, { boxes, labels, frame, onSave, onCancel }) {
  let chosen = null; // the box that keys and handles change
  let drag = null; // {kind: "new" | "move" | "corner", …}
  let label = boxes.at(-1)?.label ?? labels[0];
  const list = el("ul", { class: "drawn-list" });
  const save = el("button", { class: "main", onclick: () => onSave(boxes) }, icon("missed_defect"), t("draw.save"));
  const said = el("p", { class: "unseen", "aria-live": "polite" });
  const choice = classChoice(label, t("draw.label"), (value) => {
    label = value;
    if (chosen) chosen.label = value;
    draw();
  });
  const panel = el(
    "section",
    { class: "drawing", "aria-labelledby": "draw-title" },
    el("h2", { id: "draw-title", tabindex: "-1" }, t("draw.title")),
    el("p", { id: "draw-how" }, t("draw.how")),
    el("label", { class: "field" }, el("span", {}, t("draw.label")), choice),
    el("button", { onclick: place }, icon("plus"), t("draw.place")),
    el("p", { class: "faint", id: "draw-keys" }, t("draw.keys")),
    list,
    el("div", { class: "actions" }, el("button", { class: "quiet", onclick: onCancel }, t("shell.cancel")), save),
    said,
  );

  function classChoice(value, words, onChange) {
    const select = el(
      "select",
      { "aria-label": words },
      labels.map((each) => el("option", { value: each, selected: each === value }, each)),
    );
    select.addEventListener("change", () => onChange(select.value));
    return select;
  }

  const here = () => boxes.filter(({ part_frame: of }) => of === frame());

  function draw() {
    const focused = document.activeElement?.dataset?.box;
    view.drawn.replaceChildren(
      ...here().flatMap((box) => {
        const [x1, y1] = view.toScreen(box.xyxy[0], box.xyxy[1]);
        const [x2, y2] = view.toScreen(box.xyxy[2], box.xyxy[3]);
        const where = { x: x1, y: y1, width: Math.max(0, x2 - x1), height: Math.max(0, y2 - y1) };
        const index = boxes.indexOf(box);
        const rect = svg("rect", {
          class: "drawn",
          ...where,
          tabindex: "0",
          role: "button",
          "aria-label": wordsOf(box),
          "aria-describedby": "draw-keys",
          dataset: { box: index, chosen: box === chosen, xyxy: box.xyxy.join(" ") },
        });
        rect.addEventListener("focus", () => choose(box));
        rect.addEventListener("keydown", (event) => key(event, box));
        const handles =
          box === chosen
            ? [
                [x1, y1],
                [x2, y1],
                [x2, y2],
                [x1, y2],
              ].map(([cx, cy]) => svg("circle", { class: "handle", cx, cy, r: 7 }))
            : [];
        return [svg("rect", { class: "halo", ...where }), rect, ...handles];
      }),
    );
    if (focused !== undefined) view.drawn.querySelector(`[data-box="${focused}"]`)?.focus({ preventScroll: true });
    drawList();
  }

  function drawList() {
    save.disabled = boxes.length === 0;
    const key = [boxes.map(({ label: each, part_frame: of }) => [each, of]), boxes.indexOf(chosen)];
    showOnce(list, key, () =>
      boxes.map((box, index) =>
        el(
          "li",
          { dataset: { chosen: box === chosen } },
          el("span", {}, t("draw.box", { n: index + 1 })),
          classChoice(
            box.label,
            t("draw.label_of", { n: index + 1 }),
            (value) => ((box.label = label = value), draw()),
          ),
          el(
            "button",
            { class: "quiet only-icon", "aria-label": t("draw.remove", { n: index + 1 }), onclick: () => remove(box) },
            icon("trash"),
          ),
        ),
      ),
    );
  }

  function wordsOf({ label: of, xyxy }) {
    const [x1, y1, x2, y2] = xyxy.map((side) => number(side, 0));
    return t("draw.words", { label: of, x1, y1, x2, y2 });
  }

  function choose(box) {
    if (chosen === box) return;
    chosen = box;
    if (box) choice.value = label = box.label;
    draw();
  }

  function add(xyxy) {
    if (boxes.length >= MOST_BOXES) {
      said.textContent = t("draw.most", { n: MOST_BOXES });
      return null;
    }
    const box = { label, xyxy: tidied(xyxy, view.wh), part_frame: frame() };
    boxes.push(box);
    choose(box);
    return box;
  }

  function remove(box) {
    const index = boxes.indexOf(box);
    if (index >= 0) boxes.splice(index, 1);
    if (chosen === box) chosen = null;
    draw();
    said.textContent = t("draw.removed", { n: index + 1 });
    panel.querySelector("h2").focus();
  }

  /** Put a box into the middle of what can be seen: where keys begin. */
  function place() {
    const [x1, y1, x2, y2] = view.visible;
    const [dx, dy] = [(x2 - x1) / 8, (y2 - y1) / 8];
    const [x, y] = [(x1 + x2) / 2, (y1 + y2) / 2];
    if (!add([x - dx, y - dy, x + dx, y + dy])) return;
    view.drawn.querySelector(`[data-box="${boxes.length - 1}"]`)?.focus();
  }

  function key(event, box) {
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key === "Delete" || event.key === "Backspace") remove(box);
    else if (ways[event.key] && !event.ctrlKey && !event.metaKey) {
      const step = event.altKey ? 1 : Math.max(1, Math.round(8 / view.scale));
      const [dx, dy] = ways[event.key].map((way) => way * step);
      box.xyxy = (event.shiftKey ? grown : moved)(box.xyxy, dx, dy, view.wh);
      said.textContent = wordsOf(box);
      draw();
    } else return;
    event.preventDefault();
  }

  const hand = {
    down(event) {
      const [x, y] = view.toPicture(event);
      const reach = HANDLE_PX / view.scale;
      const corner = chosen && here().includes(chosen) ? nearestCorner(chosen.xyxy, x, y, reach) : null;
      const under =
        here().findLast?.((box) => contains(box.xyxy, x, y)) ??
        here()
          .reverse()
          .find((box) => contains(box.xyxy, x, y));
      if (corner) drag = { kind: "corner", box: chosen, sides: corner, before: chosen.xyxy };
      else if (under) {
        choose(under);
        drag = { kind: "move", box: under, before: under.xyxy, x, y };
      } else drag = { kind: "new", box: null, x, y };
      return true;
    },
    move(event) {
      if (!drag) return true;
      const [x, y] = view.toPicture(event);
      if (drag.kind === "move") drag.box.xyxy = moved(drag.before, x - drag.x, y - drag.y, view.wh);
      else if (drag.kind === "corner") {
        const xyxy = [...drag.before];
        xyxy[drag.sides[0]] = x;
        xyxy[drag.sides[1]] = y;
        drag.box.xyxy = tidied(xyxy, view.wh);
      } else if (drag.box) drag.box.xyxy = tidied([drag.x, drag.y, x, y], view.wh);
      else if (Math.hypot(x - drag.x, y - drag.y) * view.scale > 4) {
        drag.box = add([drag.x, drag.y, x, y]);
        if (!drag.box) drag = null;
      }
      draw();
      return true;
    },
    up() {
      const box = drag?.box;
      const kind = drag?.kind;
      drag = null;
      if (!box) return;
      const [x1, y1, x2, y2] = box.xyxy;
      if (kind === "new" && (x2 - x1 < SMALLEST_PX || y2 - y1 < SMALLEST_PX)) remove(box);
      else said.textContent = wordsOf(box);
    },
    cancel() {
      if (drag?.kind === "new" && drag.box) remove(drag.box);
      else if (drag?.box) drag.box.xyxy = drag.before;
      drag = null;
      draw();
    },
  };

  view.graspBy(hand);
  draw();
  return {
    panel,
    draw,
    focus: () => panel.querySelector("h2").focus({ preventScroll: true }),
    close() {
      view.graspBy(null);
      view.drawn.replaceChildren();
    },
  };
}

function contains([x1, y1, x2, y2], x, y) {
  return x >= x1 && x <= x2 && y >= y1 && y <= y2;
}

/** Return which sides the corner next to a place moves; null where none is in reach. */
function nearestCorner(xyxy, x, y, reach) {
  const far = CORNERS.map((sides) => Math.hypot(xyxy[sides[0]] - x, xyxy[sides[1]] - y));
  const nearest = far.indexOf(Math.min(...far));
  const isTiny = Math.min(xyxy[2] - xyxy[0], xyxy[3] - xyxy[1]) < reach * 2;
  const least = isTiny && contains(xyxy, x, y) ? reach / 2 : reach; // a small box can still be moved by its middle
  return far[nearest] <= least ? CORNERS[nearest] : null;
}

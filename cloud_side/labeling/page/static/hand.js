// What a mouse, a pen or fingers do on the stage: draw, choose, move and resize boxes; zoom and move the image.
//
// A drag draws a new box, also inside another one, except where it takes hold: of a handle or the inside of the chosen
// box, of the edge of any other. A click chooses; more clicks at a place choose the boxes under it in turn.

import { boxBetween, boxesAt, HANDLES, holds, isAtEdge, moved, resized } from "./geometry.js";
import { handleOnScreen } from "./layer.js";
import { ZOOM_STEP } from "./view.js";

const SLIP_PX = 4; // of the screen; a shorter drag is a click
const EDGE_PX = { mouse: 6, pen: 8, touch: 14 };
const HANDLE_PX = { mouse: 10, pen: 12, touch: 24 };

/**
 * Let pointers work on a view. `editor()` is the one of the image that is shown; label() the class of a new box.
 * onHover({place, id, cursor}) tells what is under the pointer; null: it has gone. isPanKeyHeld(): whether a drag moves
 * the image. onDrag(box or null) shows a box that is being drawn.
 */
export function createHand(view, { editor, label, isPanKeyHeld, onPan, onHover, onDrag }) {
  const pointers = new Map();
  let drag = null; // {kind: "new" | "move" | "resize" | "pan", …}

  function grip(pixel, place, kind) {
    const { boxes, chosen } = editor();
    const handle = chosen && nearestHandle(chosen, place, HANDLE_PX[kind]);
    if (handle) return { kind: "resize", box: chosen, handle };
    const reach = EDGE_PX[kind] / view.scale;
    const found = boxesAt(boxes, pixel, reach);
    if (chosen && found.includes(chosen)) return { kind: "move", box: chosen };
    const edge = found.find((box) => isAtEdge(box, pixel, reach));
    if (edge) return { kind: "move", box: edge };
    return { kind: "new", box: found[0] ?? null };
  }

  function nearestHandle(box, [x, y], reach) {
    const far = Object.keys(HANDLES).map((handle) => {
      const [hx, hy] = handleOnScreen(view, box, handle);
      return { handle, distance: Math.hypot(hx - x, hy - y) };
    });
    const nearest = far.sort((one, other) => one.distance - other.distance)[0];
    const isInside = holds(box, view.toImage([x, y]));
    const most = isInside ? Math.min(reach, (Math.min(box.width, box.height) * view.scale) / 3) : reach; // its middle moves it
    return nearest.distance <= most ? nearest.handle : null;
  }

  function begin(event) {
    const place = view.placeOf(event);
    const pixel = view.toImage(place);
    if (event.button === 1 || isPanKeyHeld()) drag = { kind: "pan" };
    else drag = { ...grip(pixel, place, event.pointerType), isSlip: true };
    Object.assign(drag, { place, pixel, last: place });
  }

  function shape(pixel) {
    const [dx, dy] = [pixel[0] - drag.pixel[0], pixel[1] - drag.pixel[1]];
    if (drag.kind === "new") return boxBetween(drag.pixel, pixel, view.wh);
    if (drag.kind === "move") return moved(drag.box, dx, dy, view.wh);
    return resized(drag.box, drag.handle, dx, dy, view.wh);
  }

  function go(event) {
    const place = view.placeOf(event);
    if (drag.kind === "pan") {
      onPan();
      view.pan(place[0] - drag.last[0], place[1] - drag.last[1]);
      drag.last = place;
      return;
    }
    if (drag.isSlip && Math.hypot(place[0] - drag.place[0], place[1] - drag.place[1]) < SLIP_PX) return;
    drag.isSlip = false;
    const drawn = drag.kind === "new" ? { id: 0, label: label(), source: "person", confidence: null } : drag.box;
    onDrag({ ...drawn, ...shape(view.toImage(place)) });
  }

  function end(event) {
    const done = drag;
    const box = done.kind === "pan" || done.isSlip ? null : shape(view.toImage(view.placeOf(event)));
    stop();
    if (done.kind === "pan") return;
    if (done.isSlip) choose(done.pixel, event.pointerType);
    else if (done.kind === "new") editor().add({ ...box, label: label() });
    else editor().change(done.box.id, box);
  }

  function choose(pixel, kind) {
    const { boxes, chosen } = editor();
    const found = boxesAt(boxes, pixel, EDGE_PX[kind] / view.scale);
    const next = found[(found.indexOf(chosen) + 1) % found.length];
    editor().choose(next?.id ?? null);
  }

  function stop() {
    drag = null;
    onDrag(null);
  }

  function pinch(event, before) {
    const now = view.placeOf(event);
    const [, other] = [...pointers].find(([id]) => id !== event.pointerId);
    const middle = [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2];
    view.zoomBy(distance(now, other) / Math.max(1, distance(before, other)), middle);
    view.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
  }

  function hover(event) {
    if (event.pointerType === "touch" || !editor()) return;
    const place = view.placeOf(event);
    const pixel = view.toImage(place);
    const held = isPanKeyHeld() ? { kind: "pan", box: null } : grip(pixel, place, event.pointerType);
    onHover({ place, pixel, id: held.box?.id ?? null, cursor: cursorOf(held) });
  }

  view.box.addEventListener("pointerdown", (event) => {
    if (event.button > 1 || !editor()) return;
    event.preventDefault(); // neither the browser's scrolling by the middle button nor a chosen text
    view.box.focus({ preventScroll: true });
    view.box.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, view.placeOf(event));
    if (pointers.size === 1) begin(event);
    else stop();
  });
  // A finger that leaves in motion flings, also where nothing scrolls: Chromium would take the next tap for its end.
  view.box.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
  view.box.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return hover(event);
    if (pointers.size === 2) pinch(event, before);
    else if (drag) go(event);
    pointers.set(event.pointerId, view.placeOf(event));
  });
  view.box.addEventListener("pointerup", (event) => {
    if (pointers.delete(event.pointerId) && drag) end(event);
  });
  view.box.addEventListener("pointercancel", (event) => {
    if (pointers.delete(event.pointerId)) stop();
  });
  view.box.addEventListener("pointerleave", () => pointers.size || onHover(null));
  view.box.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const step = event.deltaMode ? event.deltaY * 30 : event.deltaY; // lines, or pixels
      view.zoomBy(ZOOM_STEP ** (-step / 100), view.placeOf(event));
    },
    { passive: false },
  );

  return {
    /** Let go of what is being dragged; says whether there was something. */
    cancel() {
      const had = drag !== null;
      if (had) stop();
      return had;
    },
    get isDragging() {
      return drag !== null;
    },
  };
}

const CURSORS = { nw: "nwse", n: "ns", ne: "nesw", e: "ew", se: "nwse", s: "ns", sw: "nesw", w: "ew" };

function cursorOf({ kind, handle }) {
  if (kind === "resize") return `${CURSORS[handle]}-resize`;
  return { pan: "grab", move: "move", new: "crosshair" }[kind];
}

const distance = ([x1, y1], [x2, y2]) => Math.hypot(x1 - x2, y1 - y2);

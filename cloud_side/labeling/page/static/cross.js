// The cross: where the pointer is, or where arrow keys have moved it; Space begins a box there, and ends it.

import { boxBetween, grown, moved } from "./geometry.js";

const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STEP_PX = 8; // of the screen
const LEAP = 8; // times as far with Shift

/** The keys that it takes. */
export const ARROWS = Object.keys(WAYS);

/** onChange(what) is called when the cross or a box was moved: "cross" or "box". */
export function createCross(view, { editor, label, onChange }) {
  let place = null;
  let corner = null; // where the box that is being drawn began

  const clipped = ([x, y]) => [x, y].map((side, axis) => Math.min(Math.max(Math.round(side), 0), view.wh[axis]));

  function startingPlace() {
    return clipped(view.toImage(view.size().map((side) => side / 2)));
  }

  /** One pixel of the image with Ctrl or Alt, else what can be seen as a step. */
  function stepOf(event) {
    return event.ctrlKey || event.metaKey || event.altKey ? 1 : Math.max(1, Math.round(STEP_PX / view.scale));
  }

  return {
    get place() {
      return place;
    },
    get isDrawing() {
      return corner !== null;
    },
    /** The box that is being drawn, or null. */
    get box() {
      return corner && boxBetween(corner, place, view.wh);
    },
    follow(pixel) {
      if (pixel || !corner) place = pixel && clipped(pixel);
    },
    arrow(event) {
      const [right, down] = WAYS[event.key];
      const { chosen } = editor();
      if (chosen && !corner) {
        const step = stepOf(event);
        const change = event.shiftKey ? grown : moved;
        editor().change(
          chosen.id,
          change(chosen, right * step, down * step, view.wh),
          event.shiftKey ? "grow" : "move",
        );
        view.reveal([chosen.x + chosen.width / 2, chosen.y + chosen.height / 2]);
        return onChange("box");
      }
      const step = stepOf(event) * (event.shiftKey ? LEAP : 1);
      const [x, y] = place ?? startingPlace();
      place = clipped([x + right * step, y + down * step]);
      view.reveal(place);
      onChange("cross");
    },
    mark() {
      place ??= startingPlace();
      if (corner === null) {
        corner = place;
        editor().choose(null);
        onChange("cross");
        return;
      }
      const box = boxBetween(corner, place, view.wh);
      corner = null;
      editor().add({ ...box, label: label() });
      onChange("box");
    },
    /** Let go of the box that is being drawn; says whether there was one. */
    cancel() {
      const had = corner !== null;
      corner = null;
      return had;
    },
  };
}

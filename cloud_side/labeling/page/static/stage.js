// The stage: the image with its boxes, and everything that a hand or keys do to them.

import { createCross } from "./cross.js";
import { createHand } from "./hand.js";
import { meansThePage } from "./keys.js";
import { createLayer } from "./layer.js";
import { evening } from "./levels.js";
import { t } from "./texts.js";
import { createView } from "./view.js";

const LEVELS = 3; // of contrast and of light, each a rule of the style sheet

/** onMoved("cross" or "box") is called when keys have moved something. */
export function createStage({ editor, label, onMoved }) {
  let classNames = [];
  let hovered = null;
  let dragged = null; // a box as it is being drawn, moved or resized
  let isHidden = false;
  let isSpaceHeld = false;
  let hasPanned = false;
  let isPointer = false; // whether the cross is a pointer's
  let wanted = 0;
  const look = { contrast: 0, light: 0 };

  const view = createView({ words: t("stage.words"), onView: () => draw() });
  const layer = createLayer(view);
  const cross = createCross(view, {
    editor,
    label,
    onChange(what) {
      isPointer = false;
      draw();
      onMoved(what);
    },
  });
  const hand = createHand(view, {
    editor,
    label,
    isPanKeyHeld: () => isSpaceHeld,
    onPan: () => (hasPanned = true),
    onHover: hover,
    onDrag(box) {
      dragged = box;
      draw();
    },
  });

  function hover(found) {
    hovered = found?.id ?? null;
    isPointer = true;
    cross.follow(found?.pixel ?? null);
    view.box.dataset.cursor = found?.cursor ?? "";
    draw();
  }

  /** Draw once, before the next picture of the screen. */
  function draw() {
    wanted ||= requestAnimationFrame(() => {
      wanted = 0;
      paint();
    });
  }

  function paint() {
    const drawnByKeys = cross.box && { ...cross.box, id: 0, label: label(), source: "person", confidence: null };
    const live = dragged ?? drawnByKeys;
    const boxes = editor()?.boxes ?? [];
    const shown =
      live && live.id !== 0
        ? boxes.map((box) => (box.id === live.id ? live : box))
        : [...boxes, ...(live ? [live] : [])];
    const chosen = live ?? editor()?.chosen ?? null;
    const hasCross =
      cross.place && !dragged && (!isPointer || cross.isDrawing || view.box.dataset.cursor === "crosshair");
    layer({
      boxes: shown,
      chosen,
      hovered,
      classNames,
      isHidden: isHidden && !live,
      cross: hasCross ? cross.place : null,
      isDrawing: cross.isDrawing,
    });
  }

  function spaceDown(event) {
    if (event.key !== " " || !meansThePage(event)) return;
    event.preventDefault();
    if (event.repeat) return;
    isSpaceHeld = true;
    hasPanned = false;
  }

  function spaceUp(event) {
    if (event.key !== " " || !isSpaceHeld) return;
    event.preventDefault();
    isSpaceHeld = false;
    if (!hasPanned && !hand.isDragging && editor()) cross.mark();
  }

  const forget = () => (isSpaceHeld = false);
  document.addEventListener("keydown", spaceDown);
  document.addEventListener("keyup", spaceUp);
  window.addEventListener("blur", forget);

  return {
    box: view.box,
    view,
    cross,
    draw,
    get isHidden() {
      return isHidden;
    },
    look,
    show(item, picture) {
      classNames = item.class_names;
      dragged = hovered = null;
      isHidden = false;
      hand.cancel();
      cross.cancel();
      view.show(picture, [item.width, item.height]);
      view.box.dataset.item = ""; // what cannot be seen yet
      picture.decode().then(
        () => {
          if (!picture.isConnected) return;
          view.picture.style.setProperty("--evening", evening(picture).toFixed(3));
          view.box.dataset.item = item.item;
        },
        () => {}, // the page says so
      );
    },
    /** Zoom around the pointer, or the cross, or the middle. */
    zoom(factor) {
      view.zoomBy(factor, cross.place ? view.toScreen(cross.place) : undefined);
    },
    setHidden(value) {
      isHidden = value;
      draw();
    },
    /** Go on to the next level of contrast or light. */
    turnUp(what) {
      look[what] = (look[what] + 1) % LEVELS;
      view.picture.dataset[what] = String(look[what]);
    },
    cancel: () => hand.cancel() || cross.cancel(),
    focus: () => view.box.focus({ preventScroll: true }),
    close() {
      view.close();
      cancelAnimationFrame(wanted);
      document.removeEventListener("keydown", spaceDown);
      document.removeEventListener("keyup", spaceUp);
      window.removeEventListener("blur", forget);
    },
  };
}

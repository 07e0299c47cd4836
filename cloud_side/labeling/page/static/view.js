// An image that can be zoomed and moved. What lies on it is drawn in pixels of the screen: lines stay thin at any zoom.

import { el } from "./dom.js";

export const ZOOM_STEP = 1.4; // of one press of a zoom key
const MOST_SCREEN_PX = 40; // a pixel of the image on the screen
const PIXELS_SEEN_FROM = 3;
const MARGIN_PX = 24; // kept free around an image that fits, so that its edge can be drawn along

/** onView() is called whenever the image has moved under what lies on it. */
export function createView({ words, onView }) {
  const picture = el("div", { class: "picture" });
  const box = el(
    "div",
    {
      class: "stage",
      id: "stage",
      tabindex: "0",
      role: "application",
      "aria-label": words,
      "aria-describedby": "stage-how",
    },
    picture,
  );
  let image = null;
  let wh = [1, 1];
  let at = { scale: 1, x: 0, y: 0 };
  let isFitted = true;

  const size = () => [box.clientWidth || 1, box.clientHeight || 1];
  const fitting = () => Math.min(...size().map((side, axis) => Math.max(1, side - 2 * MARGIN_PX) / wh[axis]));
  const limited = (scale) => Math.min(Math.max(scale, fitting()), Math.max(fitting(), MOST_SCREEN_PX));

  function move({ scale, x, y }) {
    isFitted = scale <= fitting() * 1.001;
    at = { scale, x: held(x, size()[0], wh[0] * scale), y: held(y, size()[1], wh[1] * scale) };
    picture.style.setProperty("transform", `translate(${at.x}px, ${at.y}px) scale(${at.scale})`);
    picture.dataset.pixels = String(at.scale > PIXELS_SEEN_FROM);
    onView();
  }

  function fit() {
    move({ scale: fitting(), x: 0, y: 0 });
  }

  /** Zoom around a place of the screen, which stays where it is. */
  function zoomBy(factor, [x, y] = size().map((side) => side / 2)) {
    const scale = limited(at.scale * factor);
    const grown = scale / at.scale;
    move({ scale, x: x - (x - at.x) * grown, y: y - (y - at.y) * grown });
  }

  const pan = (dx, dy) => move({ ...at, x: at.x + dx, y: at.y + dy });
  const toScreen = ([x, y]) => [at.x + x * at.scale, at.y + y * at.scale];

  const observer = new ResizeObserver(() => (isFitted ? fit() : move(at)));
  observer.observe(box);

  return {
    box,
    picture,
    fit,
    pan,
    zoomBy,
    toScreen,
    size,
    get scale() {
      return at.scale;
    },
    get wh() {
      return wh;
    },
    /** Return the place of the stage at which a pointer is. */
    placeOf({ clientX, clientY }) {
      const { left, top } = box.getBoundingClientRect();
      return [clientX - left, clientY - top];
    },
    /** Return the pixel of the image at a place of the stage. */
    toImage: ([x, y]) => [(x - at.x) / at.scale, (y - at.y) / at.scale],
    /** Move the image until a pixel of it can be seen. */
    reveal(pixel) {
      const [dx, dy] = toScreen(pixel).map((place, axis) => {
        const most = size()[axis] - MARGIN_PX;
        return place < MARGIN_PX ? MARGIN_PX - place : Math.min(0, most - place);
      });
      if (dx || dy) pan(dx, dy);
    },
    /** Show an image element, fitted. */
    show(element, imageWh) {
      wh = imageWh;
      image?.remove();
      image = element;
      [image.width, image.height] = wh;
      picture.append(image);
      fit();
    },
    close: () => observer.disconnect(),
  };
}

/** Return where an image lies that is this long: in the middle where it fits, else so that at least its edge is near. */
function held(offset, room, length) {
  if (length <= room - 2 * MARGIN_PX + 1) return (room - length) / 2;
  return Math.min(MARGIN_PX, Math.max(room - length - MARGIN_PX, offset));
}

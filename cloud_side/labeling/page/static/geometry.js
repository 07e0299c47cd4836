// Boxes in whole pixels of their image, {x, y, width, height}: always inside it, never smaller than a pixel.

/** Which sides a handle moves: -1 left or upper, 1 right or lower, 0 neither. */
export const HANDLES = {
  nw: [-1, -1],
  n: [0, -1],
  ne: [1, -1],
  e: [1, 0],
  se: [1, 1],
  s: [0, 1],
  sw: [-1, 1],
  w: [-1, 0],
};

const clip = (value, least, most) => Math.min(Math.max(value, least), most);

function span(a, b, most) {
  const low = clip(Math.round(Math.min(a, b)), 0, most - 1);
  const high = clip(Math.round(Math.max(a, b)), low + 1, most);
  return [low, high - low];
}

/** Return the box that has two places at its corners. */
export function boxBetween([xa, ya], [xb, yb], [imageWidth, imageHeight]) {
  const [x, width] = span(xa, xb, imageWidth);
  const [y, height] = span(ya, yb, imageHeight);
  return { x, y, width, height };
}

/** Return a box moved, as far as the image goes; it keeps its size. */
export function moved({ x, y, width, height }, dx, dy, [imageWidth, imageHeight]) {
  const [w, h] = [clip(Math.round(width), 1, imageWidth), clip(Math.round(height), 1, imageHeight)];
  return {
    x: clip(Math.round(x + dx), 0, imageWidth - w),
    y: clip(Math.round(y + dy), 0, imageHeight - h),
    width: w,
    height: h,
  };
}

/** Return a box with its right and lower sides moved; it does not turn over. */
export function grown({ x, y, width, height }, dx, dy, wh) {
  return boxBetween([x, y], [x + Math.max(1, width + dx), y + Math.max(1, height + dy)], wh);
}

/** Return a box with the sides of a handle moved by so much; one that is dragged through itself turns over. */
export function resized({ x, y, width, height }, handle, dx, dy, wh) {
  const [across, down] = HANDLES[handle];
  const [x1, x2] = [x + (across < 0 ? dx : 0), x + width + (across > 0 ? dx : 0)];
  const [y1, y2] = [y + (down < 0 ? dy : 0), y + height + (down > 0 ? dy : 0)];
  return boxBetween([x1, y1], [x2, y2], wh);
}

/** Return where a handle is. */
export function handlePlace({ x, y, width, height }, handle) {
  const [across, down] = HANDLES[handle];
  return [x + (width * (across + 1)) / 2, y + (height * (down + 1)) / 2];
}

/** Whether a place is in a box, or so near to it. */
export function holds({ x, y, width, height }, [px, py], reach = 0) {
  return px >= x - reach && px <= x + width + reach && py >= y - reach && py <= y + height + reach;
}

/** Whether a place is at the edge of a box. */
export function isAtEdge(box, place, reach) {
  const inner = { x: box.x + reach, y: box.y + reach, width: box.width - 2 * reach, height: box.height - 2 * reach };
  return holds(box, place, reach) && !(inner.width > 0 && inner.height > 0 && holds(inner, place));
}

/** Return the boxes at a place, the smallest first. */
export function boxesAt(boxes, place, reach) {
  const area = ({ width, height }) => width * height;
  return boxes.filter((box) => holds(box, place, reach)).sort((one, other) => area(one) - area(other));
}

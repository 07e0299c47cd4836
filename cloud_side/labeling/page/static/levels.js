// How bright an image is: contrast spreads what lies around the middle, so its middle has to be brought there first.

const SIDE_PX = 48; // looked at in small
const MIDDLE = 128;
const MOST = 5;

/** Return the factor of brightness that brings the median of an image that is there to the middle. */
export function evening(image) {
  const canvas = new OffscreenCanvas(SIDE_PX, SIDE_PX);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0, SIDE_PX, SIDE_PX);
  const { data } = context.getImageData(0, 0, SIDE_PX, SIDE_PX);
  const levels = [];
  for (let at = 0; at < data.length; at += 4) levels.push((data[at] + data[at + 1] + data[at + 2]) / 3);
  levels.sort((one, other) => one - other);
  return Math.min(MOST, MIDDLE / Math.max(1, levels[levels.length >> 1]));
}

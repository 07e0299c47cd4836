// The newest results of a query, kept up to date by the event stream.
//
// Events come before the index knows of them, and many may come at once: the list is asked for at most once a second,
// and again until it has what the newest event told of. Of accepted parts there is no event, but the line tells its last.

const PAUSE_MS = 1_000;
const MOST_TRIES = 5;

/** onItems(items) gets the newest results whenever there are others; load() asks at once. */
export function newest({ api, stream, query, onItems }) {
  let timer = 0;
  let askedAt = 0;
  let awaited = null; // what the newest event told of
  let tries = 0;
  let isClosed = false;
  let seen = stream.line?.last?.inspection_id ?? null; // the last part of which the line told
  const ask = typeof query === "function" ? query : () => query;

  async function load() {
    clearTimeout(timer);
    timer = 0;
    askedAt = Date.now();
    const { results, next } = await api.get("/results", ask());
    if (isClosed) return;
    onItems(results, next);
    const isThere = ({ inspection_id: id, track_id: track }) =>
      id === awaited?.inspection_id || (track !== null && track === awaited?.track_id);
    if (awaited === null || results.some(isThere) || ++tries > MOST_TRIES) awaited = null;
    else soon();
  }

  function soon() {
    if (timer || isClosed) return;
    timer = setTimeout(
      () => load().catch((error) => console.warn(error)),
      Math.max(150, askedAt + PAUSE_MS - Date.now()),
    );
  }

  function expect(result) {
    awaited = result;
    tries = 0;
    soon();
  }

  /** A part that no event tells of, where such ones are wanted. */
  function look({ last }) {
    if (last === null || last.outcome !== "accept" || last.inspection_id === seen) return;
    seen = last.inspection_id;
    const { outcome } = ask();
    if (!outcome || outcome.includes("accept")) soon();
  }

  const off = [
    stream.on("defect.detected", ({ data }) => expect(data)),
    stream.on("line", look),
    stream.on("disposition.recorded", soon),
    stream.on("gap", soon),
  ];
  return {
    load,
    close() {
      isClosed = true;
      clearTimeout(timer);
      off.forEach((each) => each());
    },
  };
}

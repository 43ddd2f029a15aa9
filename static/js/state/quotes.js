// Marks: those that came with the instruments, and those that events told.

/** The newer of an instrument's mark and the one that an event told, with whether it is `stale`: that the server says. */
export function latest(instrument, quote) {
  if (quote === undefined) return instrument;
  const isNewer = instrument.timestamp === null || Date.parse(quote.timestamp) > Date.parse(instrument.timestamp);
  return isNewer ? { ...instrument, ...quote, stale: false } : instrument;
}

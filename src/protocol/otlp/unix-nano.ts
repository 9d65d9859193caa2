/** Times as OTLP has them: unsigned 64-bit nanoseconds since 1970. */

const uint64Max = 2n ** 64n - 1n;

/** Times before 1970 and after 2554 are moved to the ends. */
export function clampUnixNano(time: bigint): bigint {
  if (time < 0n) return 0n;
  return time > uint64Max ? uint64Max : time;
}

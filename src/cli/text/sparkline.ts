const levels = '▁▂▃▄▅▆▇█';

/** A series as one line of blocks from 0 (or the lowest, if that is negative) to the highest; a gap for what is missing. */
export function sparkline(values: readonly (number | undefined)[], width: number): string {
  const columns = Math.min(width, values.length);
  const shown: (number | undefined)[] = [];
  for (let column = 0; column < columns; column++) {
    const from = Math.floor((column * values.length) / columns);
    const to = Math.floor(((column + 1) * values.length) / columns);
    // A peak must not vanish because it shares its column.
    const own = values.slice(from, to).filter((value) => value !== undefined && Number.isFinite(value)) as number[];
    shown.push(own.length === 0 ? undefined : Math.max(...own));
  }
  const known = shown.filter((value) => value !== undefined);
  const low = Math.min(0, ...known);
  const high = Math.max(0, ...known);
  return shown
    .map((value) => {
      if (value === undefined) return ' ';
      const share = high === low ? 0 : (value - low) / (high - low);
      return levels[Math.min(levels.length - 1, Math.floor(share * levels.length))];
    })
    .join('');
}

/** Counts and bytes as people read them. */

const exact = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** `1,204`: every digit. */
export const formatCount = (count: number): string => exact.format(count);

/** `48.1 k`, `1.2 M`; exact below 10,000. */
export function formatShortCount(count: number): string {
  if (Math.abs(count) < 10_000) return Number.isInteger(count) ? exact.format(count) : fit(count);
  for (const [size, unit] of [
    [1e12, 'T'],
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (Math.abs(count) >= size * 0.9995) return `${fit(count / size)} ${unit}`;
  }
  return exact.format(count);
}

/** `12.4 kB`, decimal units. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  const index = Math.min(4, Math.floor(Math.log10(bytes) / 3));
  return `${fit(bytes / 1000 ** index)} ${['B', 'kB', 'MB', 'GB', 'TB'][index]}`;
}

/** `2.4 %` of a part between 0 and 1. */
export function formatPercent(part: number): string {
  if (part > 0 && part < 0.001) return '< 0.1 %';
  return `${fit(part * 100)} %`;
}

/** `12.3 /s`; `4.2 /min` when that is too few a second to tell. */
export function formatRate(perSecond: number): string {
  return perSecond > 0 && perSecond < 0.1
    ? `${formatShortCount(perSecond * 60)} /min`
    : `${formatShortCount(perSecond)} /s`;
}

function fit(value: number): string {
  const size = Math.abs(value);
  return value
    .toFixed(size >= 100 || value === 0 ? 0 : size >= 10 ? 1 : 2)
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '');
}

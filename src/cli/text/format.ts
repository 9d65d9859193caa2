/** Numbers and times for people. */

/** ns → `850ns`, `1.5µs`, `132ms`, `4.25s`, `2m05s`, `3h07m`, `2d04h`: about three digits. */
export function durationText(nano: number): string {
  const sign = nano < 0 ? '-' : '';
  const ns = Math.abs(nano);
  if (ns < 999.5) return `${sign}${Math.round(ns)}ns`;
  if (ns < 999.5e3) return `${sign}${digits(ns / 1e3)}µs`;
  if (ns < 999.5e6) return `${sign}${digits(ns / 1e6)}ms`;
  if (ns < 59.95e9) return `${sign}${digits(ns / 1e9)}s`;
  const seconds = Math.round(ns / 1e9);
  if (seconds < 3600) return `${sign}${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return `${sign}${Math.floor(minutes / 60)}h${two(minutes % 60)}m`;
  const hours = Math.round(minutes / 60);
  return `${sign}${Math.floor(hours / 24)}d${two(hours % 24)}h`;
}

/** 1234567 → `1,234,567` */
export function countText(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `3 spans`, `1 span` */
export function plural(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Powers of 1000: `512 B`, `1.5 kB`, `132 MB`. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < byteUnits.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : digits(value)} ${byteUnits[unit]}`;
}

const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** About three digits, for measured values of any size. */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return (value < 0 ? '-' : '') + countText(Math.abs(value));
  if (Math.abs(value) >= 1000) return (value < 0 ? '-' : '') + countText(Math.round(Math.abs(value)));
  return String(Number(value.toPrecision(4)));
}

/** Unix ns → `2026-11-24 12:00:01.234`, UTC. */
export function timeText(unixNano: bigint): string {
  return new Date(Number(unixNano / 1_000_000n)).toISOString().replace('T', ' ').replace('Z', '');
}

const digits = (value: number): string => String(Number(value.toPrecision(3)));
const two = (value: number): string => String(value).padStart(2, '0');

/** Instants in the browser's time zone. Milliseconds in, text out. */

const pad = (value: number, digits: number): string => String(value).padStart(digits, '0');

/** `10:42:07.113` */
export function formatClock(ms: number): string {
  const date = new Date(ms);
  return `${formatSeconds(ms)}.${pad(date.getMilliseconds(), 3)}`;
}

/** `10:42:07` */
export function formatSeconds(ms: number): string {
  const date = new Date(ms);
  return `${pad(date.getHours(), 2)}:${pad(date.getMinutes(), 2)}:${pad(date.getSeconds(), 2)}`;
}

/** `2026-11-24` */
export function formatDate(ms: number): string {
  const date = new Date(ms);
  return `${date.getFullYear()}-${pad(date.getMonth() + 1, 2)}-${pad(date.getDate(), 2)}`;
}

/** `2026-11-24 10:42:07` */
export const formatDateTime = (ms: number): string => `${formatDate(ms)} ${formatSeconds(ms)}`;

/** The clock alone for today, with the date before it otherwise. */
export function formatInstant(ms: number, nowMs: number): string {
  return formatDate(ms) === formatDate(nowMs) ? formatClock(ms) : `${formatDate(ms)} ${formatClock(ms)}`;
}

/** `12 s ago`, `3 h ago` */
export function formatAgo(ms: number, nowMs: number): string {
  const seconds = Math.max(0, Math.round((nowMs - ms) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86_400)} days ago`;
}

/** Ends of a range for a button: the date stands once, and not at all for today. */
export function formatRange(fromMs: number, toMs: number, nowMs: number): string {
  const day = (ms: number): string => (formatDate(ms) === formatDate(nowMs) ? '' : `${formatDate(ms)} `);
  const to = formatDate(fromMs) === formatDate(toMs) ? formatSeconds(toMs) : `${day(toMs)}${formatSeconds(toMs)}`;
  return `${day(fromMs)}${formatSeconds(fromMs)} – ${to}`;
}

/** Time ranges as they stand in the address, and what they mean at an instant. */

export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

export const defaultFrom = 'now-30m';

/** What the picker offers. */
export const presets: readonly { readonly from: string; readonly label: string }[] = [
  { from: 'now-5m', label: 'Last 5 min' },
  { from: 'now-15m', label: 'Last 15 min' },
  { from: 'now-30m', label: 'Last 30 min' },
  { from: 'now-1h', label: 'Last 1 hour' },
  { from: 'now-3h', label: 'Last 3 hours' },
  { from: 'now-6h', label: 'Last 6 hours' },
  { from: 'now-12h', label: 'Last 12 hours' },
  { from: 'now-24h', label: 'Last 24 hours' },
  { from: 'now-2d', label: 'Last 2 days' },
  { from: 'now-7d', label: 'Last 7 days' },
];

const unitMs: Readonly<Record<string, number>> = { s: 1e3, m: 60e3, h: 3600e3, d: 86_400e3, w: 604_800e3 };

/** `now`, `now-15m`, Unix milliseconds or an ISO time → Unix milliseconds; undefined when it is none of these. */
export function instant(text: string, nowMs: number): number | undefined {
  const relative = /^now(?:-(\d{1,6})([smhdw]))?$/.exec(text);
  if (relative !== null) {
    return relative[1] === undefined ? nowMs : nowMs - Number(relative[1]) * unitMs[relative[2]!]!;
  }
  if (/^\d{10,16}$/.test(text)) return Number(text);
  const parsed = Date.parse(text);
  return Number.isNaN(parsed) ? undefined : parsed;
}

export function resolveRange(from: string, to: string, nowMs: number): TimeRange {
  const toMs = instant(to === '' ? 'now' : to, nowMs) ?? nowMs;
  const fromMs = instant(from === '' ? defaultFrom : from, nowMs) ?? instant(defaultFrom, toMs)!;
  return fromMs < toMs ? { fromMs, toMs } : { fromMs: toMs, toMs: Math.max(fromMs, toMs + 1) };
}

/** What the picker's button says: the preset's label, or undefined for a range that is none. */
export function presetLabel(from: string, to: string): string | undefined {
  if (to !== '' && to !== 'now') return undefined;
  return presets.find((preset) => preset.from === (from === '' ? defaultFrom : from))?.label;
}

/** A range `factor` times as long around the same middle, in whole seconds; it does not reach beyond now. */
export function zoomed({ fromMs, toMs }: TimeRange, factor: number, nowMs: number): TimeRange {
  const lengthMs = Math.max(1000, Math.round(((toMs - fromMs) * factor) / 1000) * 1000);
  const endMs = Math.floor(Math.min((fromMs + toMs + lengthMs) / 2, Math.max(toMs, nowMs)) / 1000) * 1000;
  return { fromMs: endMs - lengthMs, toMs: endMs };
}

/** Durations as people read them: three digits and the unit that fits. */

const units: readonly { readonly ns: number; readonly name: string }[] = [
  { ns: 86_400e9, name: 'd' },
  { ns: 3600e9, name: 'h' },
  { ns: 60e9, name: 'min' },
  { ns: 1e9, name: 's' },
  { ns: 1e6, name: 'ms' },
  { ns: 1e3, name: 'µs' },
];

/** `812 ms`, `1.2 s`, `3 min 20 s`, `2 h 5 min`. */
export function formatDuration(nanos: number): string {
  if (!Number.isFinite(nanos)) return '–';
  if (nanos < 0) return `-${formatDuration(-nanos)}`;
  if (nanos === 0) return '0';
  const index = units.findIndex((unit) => nanos >= unit.ns * 0.9995);
  if (index === -1) return `${Math.round(nanos)} ns`;
  const unit = units[index]!;
  if (unit.ns < 60e9) return `${threeDigits(nanos / unit.ns)} ${unit.name}`;
  const smaller = units[index + 1]!;
  const parts = Math.round(nanos / smaller.ns);
  const per = Math.round(unit.ns / smaller.ns);
  const rest = parts % per;
  const whole = Math.floor(parts / per);
  return rest === 0 ? `${whole} ${unit.name}` : `${whole} ${unit.name} ${rest} ${smaller.name}`;
}

function threeDigits(value: number): string {
  if (value >= 99.95) return String(Math.round(value));
  const digits = value >= 9.995 ? 1 : 2;
  return value.toFixed(digits).replace(/\.?0+$/, '');
}

/** A part of the spans that the user marked: a rectangle of times and durations, or those that failed. */
export interface Region {
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly minNano?: number;
  readonly maxNano?: number;
  readonly errors?: boolean;
}

const fields = ['fromMs', 'toMs', 'minNano', 'maxNano'] as const;

/** As it stands in the address: `from,to,min,max`, `errors` behind it; empty where there is no bound. */
export function printRegion(region: Region): string {
  const bounds = fields.map((field) => (region[field] === undefined ? '' : String(Math.round(region[field]))));
  return [...bounds, ...(region.errors === true ? ['errors'] : [])].join(',');
}

/** undefined for what is no region. */
export function parseRegion(text: string): Region | undefined {
  const parts = text.split(',');
  if (parts.length < fields.length || parts.length > fields.length + 1) return undefined;
  const region: { -readonly [Field in keyof Region]: Region[Field] } = {};
  for (const [index, field] of fields.entries()) {
    const part = parts[index]!;
    if (part === '') continue;
    if (!/^\d{1,16}$/.test(part)) return undefined;
    region[field] = Number(part);
  }
  if (parts[fields.length] === 'errors') region.errors = true;
  return Object.keys(region).length === 0 ? undefined : region;
}

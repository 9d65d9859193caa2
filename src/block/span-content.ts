/**
 * Equality of whole spans, to drop what a client sent twice. A span's content is everything a client said about it:
 * fields, attributes as a set, resource, events and links. Only spans that agree in trace, id and start are compared, so
 * this is off the hot path; it must only not become slow when a client sends the same span very often.
 */
import type { SpanTableData } from '../model/span-table.ts';

const mix = (h: number): number => {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
};

export class SpanContent {
  readonly #data: SpanTableData;
  readonly #columnHash = new Map<number, number>();

  constructor(data: SpanTableData) {
    this.#data = data;
  }

  /** A number in [0, 2^53) that depends on the content only, not on the order of arrival: equal content, equal key. */
  key(row: number): number {
    const low = this.#hash(row, 0x1b873593) >>> 0;
    const high = (this.#hash(row, 0x2545f491) >>> 0) & 0x1fffff;
    return high * 4294967296 + low;
  }

  equal(a: number, b: number): boolean {
    const d = this.#data;
    if (
      d.name[a] !== d.name[b] ||
      d.kindStatus[a] !== d.kindStatus[b] ||
      !sameWords(d.end, a, b, 2) ||
      !sameWords(d.parentId, a, b, 2) ||
      !sameSet(d.attrs, d.attrEnd, a, b)
    )
      return false;
    const resourceA = d.resource[a]!;
    const resourceB = d.resource[b]!;
    if (resourceA !== resourceB && !sameSet(d.resourceAttrs, d.resourceAttrEnd, resourceA, resourceB)) return false;
    return this.#sameEvents(a, b) && this.#sameLinks(a, b);
  }

  #sameEvents(a: number, b: number): boolean {
    const d = this.#data;
    const firstA = runStart(d.eventEnd, a);
    const firstB = runStart(d.eventEnd, b);
    const count = d.eventEnd[a]! - firstA;
    if (d.eventEnd[b]! - firstB !== count) return false;
    for (let i = 0; i < count; i++) {
      if (!sameWords(d.eventTime, firstA + i, firstB + i, 2)) return false;
      if (d.eventName[firstA + i] !== d.eventName[firstB + i]) return false;
      if (!sameSet(d.eventAttrs, d.eventAttrEnd, firstA + i, firstB + i)) return false;
    }
    return true;
  }

  #sameLinks(a: number, b: number): boolean {
    const d = this.#data;
    const firstA = runStart(d.linkEnd, a);
    const firstB = runStart(d.linkEnd, b);
    const count = d.linkEnd[a]! - firstA;
    if (d.linkEnd[b]! - firstB !== count) return false;
    for (let i = 0; i < count; i++) {
      if (!sameWords(d.linkTraceId, firstA + i, firstB + i, 4)) return false;
      if (!sameWords(d.linkSpanId, firstA + i, firstB + i, 2)) return false;
      if (!sameSet(d.linkAttrs, d.linkAttrEnd, firstA + i, firstB + i)) return false;
    }
    return true;
  }

  #hash(row: number, seed: number): number {
    const d = this.#data;
    let h = mix(seed ^ d.kindStatus[row]!);
    h = mix(h ^ d.end[row * 2]!);
    h = mix(h ^ d.end[row * 2 + 1]!);
    h = mix(h ^ d.parentId[row * 2]!);
    h = mix(h ^ d.parentId[row * 2 + 1]!);
    h = mix(h ^ this.#valueHash(d.name[row]!, seed));
    h = mix(h ^ this.#setHash(d.attrs, d.attrEnd, row, seed));
    h = mix(h ^ this.#setHash(d.resourceAttrs, d.resourceAttrEnd, d.resource[row]!, seed));
    for (let e = runStart(d.eventEnd, row); e < d.eventEnd[row]!; e++) {
      h = mix(h ^ d.eventTime[e * 2]! ^ Math.imul(d.eventTime[e * 2 + 1]!, 0x9e3779b1));
      h = mix(h ^ this.#valueHash(d.eventName[e]!, seed));
      h = mix(h ^ this.#setHash(d.eventAttrs, d.eventAttrEnd, e, seed));
    }
    for (let l = runStart(d.linkEnd, row); l < d.linkEnd[row]!; l++) {
      for (let w = 0; w < 4; w++) h = mix(h ^ d.linkTraceId[l * 4 + w]!);
      for (let w = 0; w < 2; w++) h = mix(h ^ d.linkSpanId[l * 2 + w]!);
      h = mix(h ^ this.#setHash(d.linkAttrs, d.linkAttrEnd, l, seed));
    }
    return h;
  }

  #setHash(values: Uint32Array, ends: Uint32Array, row: number, seed: number): number {
    let sum = 0;
    for (let i = runStart(ends, row); i < ends[row]!; i++) sum = (sum + this.#valueHash(values[i]!, seed)) | 0;
    return sum;
  }

  #valueHash(id: number, seed: number): number {
    const d = this.#data;
    if (id === 0) return 0;
    let h = mix(seed ^ this.#hashOfColumn(d.valueColumn[id]!));
    const from = d.valueOffset[id]!;
    const end = from + d.valueLength[id]!;
    for (let i = from; i < end; i++) h = Math.imul(h ^ d.arena[i]!, 0x01000193);
    return mix(h ^ (end - from));
  }

  #hashOfColumn(column: number): number {
    let h = this.#columnHash.get(column);
    if (h === undefined) {
      const { scope, key, type } = this.#data.columns[column]!;
      h = 0x811c9dc5;
      for (const char of `${scope}\0${type}\0${key}`) h = Math.imul(h ^ char.codePointAt(0)!, 0x01000193);
      this.#columnHash.set(column, h);
    }
    return h;
  }
}

/** Start of a row's run in an array of exclusive ends. */
export const runStart = (ends: Uint32Array, row: number): number => (row === 0 ? 0 : ends[row - 1]!);

function sameWords(words: Uint32Array, a: number, b: number, width: number): boolean {
  for (let i = 0; i < width; i++) if (words[a * width + i] !== words[b * width + i]) return false;
  return true;
}

/** Whether two runs of value ids hold the same values. Equal values of one table have equal ids. */
function sameSet(values: Uint32Array, ends: Uint32Array, a: number, b: number): boolean {
  const from = runStart(ends, a);
  const fromB = runStart(ends, b);
  const count = ends[a]! - from;
  if (ends[b]! - fromB !== count) return false;
  let i = 0;
  while (i < count && values[from + i] === values[fromB + i]) i++;
  if (i === count) return true;
  const left = values.slice(from, from + count).sort();
  const right = values.slice(fromB, fromB + count).sort();
  return left.every((id, at) => id === right[at]);
}

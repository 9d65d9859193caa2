/**
 * For how many spans one span stands, because the others were not sampled. From an attribute with the sampling ratio, or
 * from the trace state: `ot=th:c` is the rejection threshold, hex digits of a fraction of 2^56, and the probability is
 * what is left. https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/
 */
import type { MultiplierSettings } from './settings.ts';
import type { SlotPlan, TableView } from './table-view.ts';
import { valueNumber } from './value-text.ts';

const thresholdDigits = 14;

export class Multiplier {
  readonly #spanSlot: number;
  readonly #resourceSlot: number;
  readonly #traceStateSlot: number;

  constructor({ spanMultiplierKey, traceStateMultiplier }: MultiplierSettings, plan: SlotPlan) {
    const named = spanMultiplierKey !== '';
    this.#spanSlot = named ? plan.span(spanMultiplierKey) : -1;
    this.#resourceSlot = named ? plan.resource(spanMultiplierKey) : -1;
    this.#traceStateSlot = traceStateMultiplier ? plan.span('traceState', 'spanField') : -1;
  }

  /** Of the span that the view has read; 1 when nothing is said. */
  of(view: TableView): number {
    if (this.#spanSlot >= 0) {
      const id = view.found[this.#spanSlot]! || view.found[this.#resourceSlot]!;
      const ratio = id === 0 ? undefined : valueNumber(view.data, id);
      if (ratio !== undefined && ratio > 0) return 1 / ratio;
    }
    if (this.#traceStateSlot >= 0) {
      const id = view.found[this.#traceStateSlot]!;
      if (id !== 0) return traceStateMultiplier(view.text(id) ?? '');
    }
    return 1;
  }
}

export function traceStateMultiplier(traceState: string): number {
  const threshold = /(?:^|,)\s*ot=(?:[^,;]*;)*th:([0-9a-f]{1,14})(?:[;,\s]|$)/.exec(traceState)?.[1];
  if (threshold === undefined) return 1;
  const rejected = Number.parseInt(threshold.padEnd(thresholdDigits, '0'), 16) / 2 ** 56;
  return rejected < 1 ? 1 / (1 - rejected) : 1;
}

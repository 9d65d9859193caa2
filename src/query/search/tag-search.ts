/**
 * The search by tags that came before TraceQL. A trace matches when one of its resources has all tags, each on the
 * resource itself or on any of its spans, and the trace's duration lies within the bounds. Only string attributes match,
 * by equality; `name`, `status.code`, `root.name` and `root.service.name` mean the intrinsics.
 */
import { invalid } from '../../base/errors.ts';
import type { AttributeScope, FieldExpression, Intrinsic, Static } from '../../traceql/ast.ts';
import type { TagSearch } from '../../traceql/result.ts';
import type { Column, Fragment } from '../../traceql/storage.ts';
import { type CompiledFilter, compileFilter } from '../expression/filter.ts';
import type { TraceRange } from '../expression/range.ts';
import { Reads } from '../expression/source.ts';
import type { CompiledPipeline } from '../spansets/pipeline.ts';
import { Spansets } from '../spansets/spansets.ts';

/** Tags are bits of a word. */
const tagsMax = 31;

const noPosition = { offset: 0, line: 1, column: 1 };

const text = (value: string): Static => ({ type: 'string', value });

export function compileTagSearch(search: TagSearch, fragment: Fragment): CompiledPipeline {
  if (search.tags.length > tagsMax) throw invalid('too_many_tags', `more than ${tagsMax} tags`);
  const ofTrace: CompiledFilter[] = [];
  const ofResource: CompiledFilter[] = [];
  for (const { key, value } of search.tags) {
    const expression = tagCondition(key, value);
    (key.startsWith('root.') && expression.kind === 'binary' && expression.lhs.kind === 'intrinsic'
      ? ofTrace
      : ofResource
    ).push(compileFilter(expression, fragment));
  }
  const filters = [...ofTrace, ...ofResource];
  const reads = new Reads();
  for (const filter of filters) reads.add(filter.request);
  // One tag needs no resource to be met together with another.
  const resources = ofResource.length > 1 ? new Resources(fragment, reads) : undefined;
  const hasDuration = search.minDurationNano > 0 || search.maxDurationNano > 0;
  return {
    request: reads.request(),
    constant: filters.some((filter) => filter.constant === false)
      ? false
      : filters.length === 0 && !hasDuration
        ? true
        : undefined,
    evaluate(range, mask) {
      const sets = new Spansets(range, mask);
      if (hasDuration) sets.keepSets(durationsWithin(search, fragment, range), fragment);
      for (const filter of ofTrace) filter.refine(range, mask);
      if (resources !== undefined && !sets.isEmpty) refineTogether(ofResource, resources, sets, fragment);
      else for (const filter of ofResource) filter.refine(range, mask);
      return sets;
    },
  };
}

function tagCondition(key: string, value: string): FieldExpression {
  switch (key) {
    case 'name':
      return equals(intrinsic('span:name'), text(value));
    case 'root.name':
      return equals(intrinsic('trace:rootName'), text(value));
    case 'root.service.name':
      return equals(intrinsic('trace:rootService'), text(value));
    case 'status.code':
      if (value === 'unset' || value === 'ok' || value === 'error') {
        return equals(intrinsic('span:status'), { type: 'status', value });
      }
  }
  return {
    kind: 'binary',
    op: '||',
    lhs: equals(attribute('span', key), text(value)),
    rhs: equals(attribute('resource', key), text(value)),
    pos: noPosition,
  };
}

function equals(lhs: FieldExpression, literal: Static): FieldExpression {
  return { kind: 'binary', op: '=', lhs, rhs: { kind: 'static', static: literal, pos: noPosition }, pos: noPosition };
}

function intrinsic(name: Intrinsic): FieldExpression {
  return { kind: 'intrinsic', intrinsic: name, text: name, pos: noPosition };
}

function attribute(scope: AttributeScope, name: string): FieldExpression {
  return { kind: 'attribute', scope, name, parent: false, pos: noPosition };
}

function durationsWithin(search: TagSearch, fragment: Fragment, range: TraceRange): Uint8Array {
  const { minDurationNano, maxDurationNano } = search;
  const keep = new Uint8Array(range.endTrace - range.firstTrace);
  for (let i = 0; i < keep.length; i++) {
    const duration = fragment.traceEnd[range.firstTrace + i]! - fragment.traceStart[range.firstTrace + i]!;
    keep[i] = duration >= minDurationNano && (maxDurationNano === 0 || duration <= maxDurationNano) ? 1 : 0;
  }
  return keep;
}

/** Keeps the traces in which the spans of one resource meet all filters between them. */
function refineTogether(
  filters: readonly CompiledFilter[],
  resources: Resources,
  sets: Spansets,
  fragment: Fragment,
): void {
  const { mask, range } = sets;
  const bits = new Uint32Array(mask.length);
  for (const [tag, filter] of filters.entries()) {
    const met = mask.slice();
    filter.refine(range, met);
    for (let i = 0; i < met.length; i++) if (met[i] !== 0) bits[i]! |= 1 << tag;
  }
  const all = 2 ** filters.length - 1;
  const { traceFirstSpan, resource } = fragment;
  const resourceOf = resources.numbers();
  const keep = new Uint8Array(sets.setCount);
  for (let set = 0; set < keep.length; set++) {
    const metBy = new Map<number, number>();
    const end = traceFirstSpan[range.firstTrace + set + 1]!;
    for (let row = traceFirstSpan[range.firstTrace + set]!; row < end && keep[set] === 0; row++) {
      const met = bits[row - range.firstRow]!;
      if (met === 0) continue;
      const number = resourceOf[resource[row]!]!;
      const together = met | (metBy.get(number) ?? 0);
      metBy.set(number, together);
      if (together === all) keep[set] = 1;
    }
  }
  sets.keepSets(keep, fragment);
}

/** Numbers resources: rows of the resources table stand for a resource with a scope, and here scopes do not count. */
class Resources {
  readonly #fragment: Fragment;
  readonly #columns: readonly Column[];
  #numbers: Uint32Array | undefined;

  constructor(fragment: Fragment, reads: Reads) {
    this.#fragment = fragment;
    this.#columns = fragment.columns('resource');
    reads.addFixed('resource').add({ fixed: [], columns: this.#columns });
  }

  numbers(): Uint32Array {
    if (this.#numbers !== undefined) return this.#numbers;
    const numbers = new Uint32Array(this.#fragment.resourceCount);
    const known = new Map<string, number>();
    for (let row = 0; row < numbers.length; row++) {
      const key = this.#columns.map((column) => column.codes[row]).join(' ');
      let number = known.get(key);
      if (number === undefined) known.set(key, (number = known.size));
      numbers[row] = number;
    }
    this.#numbers = numbers;
    return numbers;
  }
}

/**
 * The search by tags that came before TraceQL. A trace matches when every tag is met by one of its spans or the span's
 * resource (not all by the same one) and its duration lies within the bounds. Only string attributes match, by equality;
 * `name`, `status.code`, `root.name` and `root.service.name` mean the intrinsics.
 */
import type { AttributeScope, FieldExpression, Intrinsic, Static } from '../../traceql/ast.ts';
import type { TagSearch } from '../../traceql/result.ts';
import type { Fragment } from '../../traceql/storage.ts';
import { compileFilter } from '../expression/compile.ts';
import type { TraceRange } from '../expression/range.ts';
import { Reads } from '../expression/source.ts';
import type { CompiledPipeline } from '../spansets/pipeline.ts';
import { Spansets } from '../spansets/spansets.ts';

const noPosition = { offset: 0, line: 1, column: 1 };

const text = (value: string): Static => ({ type: 'string', value });

export function compileTagSearch(search: TagSearch, fragment: Fragment): CompiledPipeline {
  const filters = search.tags.map(({ key, value }) => compileFilter(tagCondition(key, value), fragment));
  const reads = new Reads();
  for (const filter of filters) reads.add(filter.request);
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
      for (const filter of filters) {
        if (sets.isEmpty) break;
        const met = sets.withMask(mask.slice());
        filter.refine(range, met.mask);
        sets.keepSets(
          met.sizes(fragment).map((size) => Math.min(size, 1)),
          fragment,
        );
      }
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

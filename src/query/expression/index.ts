/**
 * The expression evaluator: TraceQL field expressions over the columns of a fragment.
 *
 *   const filter = compileFilter(expression, fragment);            // no I/O, once per fragment
 *   await fragment.load(filter.request, firstTrace, endTrace, cost);
 *   const range = traceRange(fragment, firstTrace, endTrace);      // whole traces
 *   filter.mask(range, mask);                                      // mask[i] is span row range.firstRow + i
 *
 * Compiled objects belong to one fragment and one query; they keep answers found for one range for the next. Requests of
 * several are joined with {@link Reads}.
 */

export { type CompiledFilter, compileExpression, compileFilter, type MaskNode } from './compile.ts';
export { constantValue, type Expression } from './expression.ts';
export {
  type CompiledGroup,
  type CompiledNumbers,
  compileGroup,
  compileNumbers,
} from './group.ts';
export { fromHex, toHex } from './hex.ts';
export { type ChildRows, childRows, type TraceRange, traceOfRow, traceRange } from './range.ts';
export { type Layer, type Level, type Part, Reads, resolve, type Source } from './source.ts';
export {
  Cell,
  compareStrings,
  compareValues,
  keyOf,
  literalValue,
  numeric,
  resultOf,
  Type,
  type Value,
} from './value.ts';

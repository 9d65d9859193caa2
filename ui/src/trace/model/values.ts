/** One property of all spans as codes into distinct values: what spans are coloured, counted and filtered by. */
import type { AttributeJsonValue } from '../../../../src/api/contract/index.ts';
import type { Trace } from './trace.ts';

export interface Values {
  /** By row: 0, or 1 + index into `values`. */
  readonly codes: Uint32Array;
  readonly values: readonly AttributeJsonValue[];
}

export const kindNames = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const;
export const statusNames = ['unset', 'ok', 'error'] as const;

/** Properties that every trace has, without asking the server. */
export const intrinsics = ['service', 'name', 'kind', 'status'] as const;
export type Intrinsic = (typeof intrinsics)[number];

export const isIntrinsic = (name: string): name is Intrinsic => (intrinsics as readonly string[]).includes(name);

export function intrinsicValues(trace: Trace, name: Intrinsic): Values {
  if (name === 'status') {
    const codes = new Uint32Array(trace.spans);
    for (let row = 0; row < codes.length; row++) codes[row] = trace.status[row]! + 1;
    return { codes, values: statusNames };
  }
  const values: string[] = [];
  const known = new Map<string, number>();
  const ofOperation = trace.operations.map((operation) => {
    const value = name === 'kind' ? (kindNames[operation.kind] ?? String(operation.kind)) : operation[name];
    if (value === '') return 0;
    let code = known.get(value);
    if (code === undefined) known.set(value, (code = values.push(value)));
    return code;
  });
  return { codes: mapped(trace.operation, ofOperation), values };
}

/** Service and name together, as rows of statistics say it. */
export function operationValues(trace: Trace): Values {
  const values: string[] = [];
  const known = new Map<string, number>();
  const ofOperation = trace.operations.map(({ service, name }) => {
    const value = service === '' ? name : `${service} › ${name}`;
    let code = known.get(value);
    if (code === undefined) known.set(value, (code = values.push(value)));
    return code;
  });
  return { codes: mapped(trace.operation, ofOperation), values };
}

function mapped(operation: Uint32Array, codeOf: readonly number[]): Uint32Array {
  const codes = new Uint32Array(operation.length);
  for (let row = 0; row < codes.length; row++) codes[row] = codeOf[operation[row]!]!;
  return codes;
}

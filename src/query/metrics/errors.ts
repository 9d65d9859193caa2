import { ErrorKind, RubatoError } from '../../base/errors.ts';

/** The series of a query would take more memory than it may use. */
export function tooManySeries(series: number, intervals: number): RubatoError {
  return new RubatoError(
    ErrorKind.exhausted,
    'metrics_too_many_series',
    `the query makes at least ${series} series of ${intervals} samples, more than its memory limit allows: ` +
      'filter more, group by fewer values or use a longer step',
  );
}

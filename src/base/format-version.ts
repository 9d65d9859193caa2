/**
 * Everything that is stored says in which format it is. A format that came after this version of the program is not
 * damage: nothing may be set aside, rebuilt or deleted because of it, and whoever started an old program over new data
 * must hear of it.
 */
import { corrupt, ErrorKind, RubatoError } from './errors.ts';

/**
 * @param where names the object, and the byte where its format stands
 * @param what it is, for people
 * @throws RubatoError `newer_format`, or of kind `corrupt` for what is no format at all
 */
export function checkFormat(where: string, what: string, found: unknown, known: number): void {
  if (found === known) return;
  if (typeof found !== 'number' || !Number.isInteger(found) || found < known)
    throw corrupt(where, `unknown format ${String(found).slice(0, 20)} of a ${what}`);
  throw new RubatoError(
    ErrorKind.config,
    'newer_format',
    `${where}: a ${what} of format ${found} was written by a newer version of Rubato; this one reads format ${known}. ` +
      'Nothing was changed: start that version again',
  );
}

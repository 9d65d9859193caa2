/** What commands show to a server that asks who they are. It comes from the environment: arguments are seen by everybody. */
import { ErrorKind, RubatoError } from '../base/errors.ts';

/** The Authorization header; undefined when there is nothing to show. @throws RubatoError config */
export function authorizationOf(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const { RUBATO_TOKEN: token, RUBATO_USER: user, RUBATO_PASSWORD: password } = env;
  if (token && user)
    throw new RubatoError(ErrorKind.config, 'two_credentials', 'set either RUBATO_TOKEN or RUBATO_USER, not both');
  if (token) return `Bearer ${token}`;
  if (user) return `Basic ${Buffer.from(`${user}:${password ?? ''}`).toString('base64')}`;
  return undefined;
}

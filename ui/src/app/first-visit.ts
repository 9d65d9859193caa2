/**
 * Who comes to an empty store is shown how to fill it. Asked once, when the app is opened at its front door, so that Search
 * can still be looked at without data.
 */
import { search } from '../api/client.ts';
import { href, navigate, param, path } from './router.ts';

export async function isStoreEmpty(ended?: AbortSignal): Promise<boolean> {
  const { traces } = await search({ q: '{ }', limit: 1, spss: 1 }, ended);
  return (traces ?? []).length === 0;
}

export async function leadToSetup(): Promise<void> {
  const atFrontDoor = (): boolean => (path.peek() === '/' || path.peek() === '/search') && param('q') === '';
  if (!atFrontDoor()) return;
  try {
    if ((await isStoreEmpty()) && atFrontDoor()) navigate(href('/setup'), { replace: true });
  } catch {
    // The page says what is wrong.
  }
}

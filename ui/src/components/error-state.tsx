import { ApiError } from '../api/client.ts';
import { Button } from './button.tsx';

/** Something failed: the server's own words, and another try. */
export function ErrorState({ error, retry }: { readonly error: unknown; readonly retry?: () => void }) {
  return (
    <div class="state" role="alert">
      <h2>{titleOf(error)}</h2>
      <pre>{error instanceof Error ? error.message : String(error)}</pre>
      {retry !== undefined && <Button onClick={retry}>Try again</Button>}
    </div>
  );
}

function titleOf(error: unknown): string {
  if (!(error instanceof ApiError)) return 'Something went wrong';
  if (error.status === 0) return 'No connection';
  if (error.status === 401) return 'Which tenant?';
  if (error.status === 404) return 'Not found';
  if (error.status === 429) return 'Too much at once';
  return error.status < 500 ? 'The server does not accept this' : 'The server could not answer';
}

/**
 * Who the user is, where the server asks: a token, or a name with a password, as the header that says it. Kept for this
 * tab alone, and gone with it. A request that is refused opens one form, and all that were refused meanwhile wait for it.
 */
import { signal } from '@preact/signals';

const key = 'rubato.authorization';

function stored(): string {
  try {
    return sessionStorage.getItem(key) ?? '';
  } catch {
    return '';
  }
}

/** Value of the Authorization header; empty when nobody has signed in. */
export const authorization = signal(stored());

export const bearer = (token: string): string => `Bearer ${token.trim()}`;

/** Names and passwords go out as UTF-8 (RFC 7617). */
export function basic(user: string, password: string): string {
  const bytes = new TextEncoder().encode(`${user}:${password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

interface Asked {
  /** What was sent before was refused. */
  readonly refused: boolean;
  readonly done: Promise<boolean>;
  readonly settle: (signedIn: boolean) => void;
}

/** The form that is open. */
export const asked = signal<Asked | undefined>(undefined);

/** `sent`: what the refused request carried. Resolves with whether to ask again. */
export async function signIn(sent: string, ended: AbortSignal | undefined): Promise<boolean> {
  if (sent !== authorization.peek()) return true;
  let form = asked.peek();
  if (form === undefined) {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    form = { refused: sent !== '', done: promise, settle: resolve };
    asked.value = form;
  }
  const signedIn = await form.done;
  ended?.throwIfAborted();
  return signedIn;
}

export function setAuthorization(header: string): void {
  authorization.value = header;
  try {
    if (header === '') sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, header);
  } catch {
    // Without storage it lasts until the page is loaded again.
  }
}

/** Closes the form: with a header when the user filled it in. */
export function answerSignIn(header: string | undefined): void {
  const form = asked.peek();
  asked.value = undefined;
  if (header !== undefined) setAuthorization(header);
  form?.settle(header !== undefined);
}

/** Throws when our own reasoning is wrong. Never used to check input. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`broken invariant: ${message}`);
}

/** For the default branch of a switch over a closed union: a new member does not compile until it is handled. */
export function assertNever(value: never, what: string): never {
  throw new Error(`broken invariant: unhandled ${what}: ${String(value)}`);
}

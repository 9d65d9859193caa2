declare module 'snappyjs' {
  /** @throws Error when the stream is damaged, or says that it holds more than `maxLength` bytes */
  export function uncompress(compressed: Buffer, maxLength?: number): Buffer;
  export function compress(plain: Buffer): Buffer;
}

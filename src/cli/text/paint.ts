/** Colours, or none: ANSI sequences that every terminal of the last thirty years knows. */

export interface Paint {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  /** A colour of its own for a name, the same every time. */
  readonly named: (name: string, text: string) => string;
}

const plain = (text: string): string => text;

export const noPaint: Paint = { bold: plain, dim: plain, red: plain, named: (_name, text) => text };

const sgr =
  (code: string) =>
  (text: string): string =>
    text === '' ? '' : `\x1b[${code}m${text}\x1b[0m`;

/** Of the 256-colour palette: apart from each other, legible on dark and light, none of them the red of errors. */
const nameColours = [33, 35, 37, 64, 66, 68, 72, 74, 97, 99, 103, 107, 130, 133, 136, 139, 141, 166, 172, 178];

export const ansiPaint: Paint = {
  bold: sgr('1'),
  dim: sgr('2'),
  red: sgr('31'),
  named: (name, text) => sgr(`38;5;${nameColours[hash(name) % nameColours.length]}`)(text),
};

/** FNV-1a over UTF-16 code units. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}

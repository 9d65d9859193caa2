/**
 * How wide text is on a terminal, and text cut or padded to a width. Names come from whoever sends spans, so control
 * characters, with which they could drive the terminal, are replaced before anything is written.
 */

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
/** East Asian wide and fullwidth blocks, and emoji that are drawn as pictures. */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
/** ASCII, boxes and blocks, and what else we write ourselves: one column each. */
const simple = /^[\x20-\x7e\u2500-\u259f…✗µ]*$/;

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** One line without anything that a terminal would obey. */
export function printable(text: string): string {
  return text.replace(control, '\ufffd');
}

export function textWidth(text: string): number {
  if (simple.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += wide.test(segment) ? 2 : 1;
  return width;
}

/** At most `width` columns; what is cut ends in `…`. */
export function cut(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  if (width <= 0) return '';
  if (simple.test(text)) return `${text.slice(0, width - 1)}…`;
  let kept = '';
  let used = 0;
  for (const { segment } of graphemes.segment(text)) {
    used += wide.test(segment) ? 2 : 1;
    if (used > width - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** Exactly `width` columns. */
export function fit(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const short = cut(text, width);
  const space = ' '.repeat(Math.max(0, width - textWidth(short)));
  return align === 'left' ? short + space : space + short;
}

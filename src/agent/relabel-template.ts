/**
 * Replacements in the notation of Go's regexp.Expand, which Prometheus uses: `$name` takes the longest run of letters,
 * digits and underscores (so `$1x` is the group named `1x`), `${name}` says where the name ends, `$$` is a dollar sign.
 * A group that does not exist or did not take part is empty; a dollar sign that begins none of these stays one.
 * https://pkg.go.dev/regexp#Regexp.Expand
 */

/** A match whose groups may be asked for. */
export interface MatchGroups {
  groupCount(): number;
  group(group: number | string): string | null;
}

const reference = /\$(?:\$|(\w+)|\{(\w+)\})/g;

export function expandTemplate(template: string, match: MatchGroups): string {
  if (!template.includes('$')) return template;
  return template.replace(reference, (whole, bare: string | undefined, braced: string | undefined) => {
    if (whole === '$$') return '$';
    return groupText(match, (bare ?? braced)!);
  });
}

function groupText(match: MatchGroups, name: string): string {
  if (/^\d+$/.test(name)) {
    const group = Number(name);
    return group <= match.groupCount() ? (match.group(group) ?? '') : '';
  }
  try {
    return match.group(name) ?? '';
  } catch {
    // No group has that name.
    return '';
  }
}

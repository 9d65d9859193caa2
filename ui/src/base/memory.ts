/** What the browser keeps between visits, under `rubato.`; nothing when storage is switched off or full. */
export function recall<Shape>(key: string, otherwise: Shape): Shape {
  try {
    const text = localStorage.getItem(`rubato.${key}`);
    return text === null ? otherwise : (JSON.parse(text) as Shape);
  } catch {
    return otherwise;
  }
}

export function remember(key: string, value: unknown): void {
  try {
    localStorage.setItem(`rubato.${key}`, JSON.stringify(value));
  } catch {
    // Private windows: the page works, it only forgets.
  }
}

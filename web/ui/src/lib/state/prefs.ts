/** What a person chose, kept on this device. Without storage everything still works and is forgotten. */

export function recall<T>(key: string, fallback: T): T {
  try {
    const text = localStorage.getItem(`muster.${key}`);
    return text === null ? fallback : (JSON.parse(text) as T);
  } catch {
    return fallback;
  }
}

export function remember(key: string, value: unknown): void {
  try {
    localStorage.setItem(`muster.${key}`, JSON.stringify(value));
  } catch {
    // Full or forbidden: the choice lasts as long as the page.
  }
}

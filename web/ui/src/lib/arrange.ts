/** The order of tiles that a person made, kept while streams come and go. Pure functions. */

/** Sorts names as arranged; those that nobody arranged follow in the order given. */
export function arranged(names: string[], order: string[]): string[] {
  const place = new Map(order.map((name, i) => [name, i]));
  return names
    .map((name, i) => ({ name, key: place.get(name) ?? order.length + i }))
    .sort((a, b) => a.key - b.key)
    .map((entry) => entry.name);
}

/**
 * The new order after name was put at the place of target. shown is what is on the screen; names of
 * the old order that are not shown keep their places behind their neighbours.
 */
export function moved(shown: string[], order: string[], name: string, target: string): string[] {
  const from = shown.indexOf(name);
  const to = shown.indexOf(target);
  if (from < 0 || to < 0 || from === to) return order;
  const next = shown.filter((n) => n !== name);
  next.splice(to, 0, name);
  const absent = order.filter((n) => !shown.includes(n));
  return [...next, ...absent].slice(0, maxOrder);
}

/** Longest order that is remembered. */
const maxOrder = 500;

/** A wall with room for size tiles; 0 means just enough for count, at most 25. */
export function gridOf(size: number, count: number): { columns: number; rows: number } {
  const wanted = size > 0 ? size : Math.min(25, Math.max(1, count));
  const columns = Math.ceil(Math.sqrt(wanted));
  return { columns, rows: Math.ceil(wanted / columns) };
}

/** Stream names, with the server's own rule, so that a bad one is refused while it is typed. */

export type NameFault = 'empty' | 'long' | 'deep' | 'slash' | 'dot' | 'characters';

/** Bytes of a whole name, and parts between slashes. */
const maxLength = 160;
const maxParts = 8;

/** Says what is wrong with name as a stream name, or null when nothing is. */
export function nameFault(name: string): NameFault | null {
  if (name === '') return 'empty';
  if (name.length > maxLength) return 'long';
  const parts = name.split('/');
  if (parts.length > maxParts) return 'deep';
  for (const part of parts) {
    if (part === '') return 'slash';
    if (part.startsWith('.')) return 'dot';
    if (!/^[A-Za-z0-9._~-]+$/.test(part)) return 'characters';
  }
  return null;
}

/** The nearest permitted name to something people write, such as a user name. May be empty. */
export function toName(text: string): string {
  return text
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/[^A-Za-z0-9._~-]+/g, '-')
    .replace(/^[.-]+|-+$/g, '')
    .slice(0, maxLength);
}

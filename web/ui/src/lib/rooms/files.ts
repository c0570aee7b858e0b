/** Files in the chat of a room: a message with a name and an address, which every client can read. */
import { packageUrl } from '$lib/api/tak';

export interface SharedFile {
  name: string;
  /** Where its bytes are, on this server. */
  path: string;
}

const form = /^(.{1,200}?)\s*\n(https?:\/\/[^/\s]+)(\/api\/v1\/packages\/[0-9A-Za-z%._-]{8,200}\/content)$/s;

export const fileMessage = (name: string, hash: string, origin: string): string => `${name.replaceAll(/\s+/g, ' ').trim()}\n${origin}${packageUrl(hash)}`;

/** The file that a message is about, when it is one of this server. */
export function fileIn(text: string, origin: string): SharedFile | null {
  const m = form.exec(text);
  return m && m[2] === origin ? { name: m[1]!.trim(), path: m[3]! } : null;
}

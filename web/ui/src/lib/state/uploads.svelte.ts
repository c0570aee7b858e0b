import { sentence } from '$lib/api/client';
import { packagePath, upload, type UploadOptions } from '$lib/api/upload';
import { t } from '$lib/strings';
import { toasts } from './toasts.svelte';

export interface Uploading {
  id: number;
  name: string;
  sent: number;
  size: number;
  /** When it began (ms since 1970). */
  started: number;
  error: string;
  cancel: () => void;
}

/** Uploads on their way. They go on while one looks at other pages. */
class Uploads {
  list = $state<Uploading[]>([]);
  /** Goes up with each file that arrived. */
  arrived = $state(0);
  #next = 1;

  async add(file: File, options: UploadOptions): Promise<void> {
    const id = this.#next++;
    const { done, cancel } = upload(file, packagePath(options), (sent, all) => {
      const entry = this.#find(id);
      if (entry) [entry.sent, entry.size] = [sent, all];
    });
    this.list.push({ id, name: options.name, sent: 0, size: file.size, started: Date.now(), error: '', cancel });
    try {
      await done;
      this.arrived++;
      toasts.say(t.files.uploaded(options.name), 'good');
      this.dismiss(id);
    } catch (e) {
      if (e instanceof DOMException && e.name === 'AbortError') {
        toasts.say(t.files.cancelled(options.name));
        this.dismiss(id);
        return;
      }
      const entry = this.#find(id);
      if (entry) entry.error = sentence(e);
    }
  }

  dismiss(id: number): void {
    this.list = this.list.filter((u) => u.id !== id);
  }

  #find(id: number): Uploading | undefined {
    return this.list.find((u) => u.id === id);
  }
}

export const uploads = new Uploads();

/** Milliseconds that are left at the pace so far; 0 when nobody can say. */
export function timeLeft(sent: number, size: number, started: number, now: number): number {
  const spent = now - started;
  if (sent <= 0 || spent < 1000 || sent >= size) return 0;
  return (spent * (size - sent)) / sent;
}

export type Tone = 'plain' | 'good' | 'bad';

export interface Toast {
  id: number;
  text: string;
  tone: Tone;
  /** Where a button leads to, and another one for not going there. */
  link?: { label: string; href: string; refuse?: { label: string; act: () => void } };
}

/** Short sentences about what just happened. At most four; the oldest goes first. */
class Toasts {
  list = $state<Toast[]>([]);
  #next = 1;

  say(text: string, tone: Tone = 'plain', link?: Toast['link']): number {
    const id = this.#next++;
    this.list = [...this.list.slice(-3), { id, text, tone, link }];
    setTimeout(() => this.dismiss(id), link ? 30_000 : tone === 'bad' ? 10_000 : 4_000);
    return id;
  }

  dismiss(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();

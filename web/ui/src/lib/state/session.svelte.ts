import { api, ApiError, sentence, whenUnauthorized, wholeMe } from '$lib/api/client';
import type { Me } from '$lib/api/types';
import { live } from './live.svelte';
import { router } from './router.svelte';

/** asking: the first answer is not there yet; lost: the server was not reached. */
export type Phase = 'asking' | 'lost' | 'out' | 'in';

/** Who uses this browser. */
class CurrentSession {
  phase = $state<Phase>('asking');
  me = $state<Me | null>(null);
  /** Why the phase is "lost". */
  reason = $state('');
  isAdmin = $derived(this.me?.role === 'admin');
  isOperator = $derived(this.me?.role === 'operator' || this.me?.role === 'admin');

  constructor() {
    whenUnauthorized(() => {
      if (this.phase === 'in') this.#out();
    });
    live.on(['hello'], (event) => {
      if (event.data.me) this.me = wholeMe(event.data.me);
    });
    live.on(['user.changed', 'group.changed'], () => void this.refresh());
  }

  /** Finds out whether the cookie of an earlier visit still opens the door. */
  async restore(): Promise<void> {
    this.phase = 'asking';
    try {
      this.#in(await api.me());
    } catch (e) {
      if (e instanceof ApiError && (e.status === 401 || e.status === 403)) {
        this.#out();
        return;
      }
      this.reason = sentence(e);
      this.phase = 'lost';
    }
  }

  /** code is that of the second step, when the server asked for it. */
  async login(user: string, password: string, code?: string): Promise<void> {
    this.#in(await api.login(user, password, code));
  }

  async logout(): Promise<void> {
    try {
      await api.logout();
    } finally {
      this.#out(false);
    }
  }

  /** Asks again what this person may do. */
  async refresh(): Promise<void> {
    try {
      this.me = await api.me();
    } catch {
      // A 401 has already led out; anything else leaves what is known.
    }
  }

  #in(me: Me): void {
    this.me = me;
    this.phase = 'in';
    live.start(() => void this.refresh());
  }

  #out(comeBack = true): void {
    live.stop();
    this.me = null;
    this.phase = 'out';
    if (router.route.page === 'login' || router.route.page === 'reset' || router.route.page === 'join') return;
    const wanted = router.path + router.search;
    router.go(comeBack && wanted !== '/' ? `/login?next=${encodeURIComponent(wanted)}` : '/login', true);
  }
}

export const session = new CurrentSession();

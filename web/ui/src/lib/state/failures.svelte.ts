import { live } from './live.svelte';

export interface Failure {
  time: string;
  user: string;
  remote: string;
  protocol: string;
}

/** The newest failed logins since the page was opened, newest first; administrators are told of them. */
class Failures {
  list = $state.raw<Failure[]>([]);

  constructor() {
    live.on(['auth.failed'], ({ time, data }) => {
      const one = { time, user: data.user ?? '', remote: data.remote ?? '', protocol: data.protocol ?? '' };
      this.list = [one, ...this.list].slice(0, 20);
    });
  }
}

export const failures = new Failures();

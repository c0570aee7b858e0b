/** Whether the server sends mail, asked once when somebody wants to know. */
import { api } from '$lib/api/client';

class Post {
  #on = $state(false);
  #asked = false;

  get on(): boolean {
    if (!this.#asked) {
      this.#asked = true;
      api
        .loginMethods()
        .then((m) => (this.#on = Boolean(m.reset)))
        .catch(() => (this.#asked = false));
    }
    return this.#on;
  }
}

export const post = new Post();
